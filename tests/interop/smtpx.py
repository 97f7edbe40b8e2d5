"""Our own server, as its users run it, and what it has delivered."""

from __future__ import annotations

import contextlib
import difflib
import email
from collections.abc import Iterator
from email.message import Message
from functools import partial
from pathlib import Path

from tests import fork_server
from tests.interop.process import Address, Running, running, started
from tests.maildir import stored
from tests.waiting import eventually
from tests.wire.twistd import COMMAND, environment

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def smtpx(directory: Path, listening: Address, *options: str | Path) -> Iterator[Running]:
    """
    ``twistd -n smtpx`` with ``options``, as long as the context lasts, forked from a process that has imported it.

    Args:
        listening: Where it is ready when it greets.
    """
    # The backend that is given by its dotted name is one of the tests.
    found = environment({"PYTHONPATH": str(ROOT)})
    command = [*COMMAND[1:], "--domain", "mx.example.test", "--transcript", *map(str, options)]
    if fork_server.AVAILABLE:
        start = partial(fork_server.start, command, directory, found, new_session=True)
        context = started(start, "twistd smtpx", directory, listening)
    else:
        context = running([COMMAND[0], *command], directory, listening, env=found)
    with context as program:
        yield program


def delivered(maildir: Path, sent: bytes) -> Message:
    """
    Wait for the one message in ``maildir``, which has to be ``sent``, octet for octet, below the headers of its
    journey.

    Returns:
        Those headers.
    """
    found = eventually(lambda: stored(maildir), lambda: f"nothing in {maildir}")
    assert len(found) == 1, f"{len(found)} messages in {maildir}"
    octets = found[0]
    assert octets.endswith(b"\r\n" + sent), _difference(sent, octets)
    return email.message_from_bytes(octets[: -len(sent)])


def _difference(sent: bytes, found: bytes) -> str:
    return "\n".join(difflib.unified_diff(_shown(sent), _shown(found), "sent", "found", lineterm=""))


def _shown(octets: bytes) -> list[str]:
    return [repr(line) for line in octets.splitlines(keepends=True)]
