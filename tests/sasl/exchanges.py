"""Our client halves against our server halves, by lines as they go over the wire."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, maybeDeferred

from tests.encoding import b64
from txsmtpx import BackendRealm, MemoryBackend, PortalBackend
from txsmtpx.testing import Conversation

UNIFORM = "535 5.7.8 Authentication credentials invalid"
DONE = "235 2.7.0 Authentication succeeded"


def now(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
    """What ``deferToThread`` does, at once."""
    return maybeDeferred(function, *arguments)


def portal(*checkers: Any) -> PortalBackend:
    return PortalBackend(Portal(BackendRealm(MemoryBackend()), checkers))


def conversation(backend: Any, tls: Any = None, **settings: Any) -> Conversation:
    client = Conversation(backend, allow_insecure_auth=True, auth_failure_delay=0, **settings)
    client.protocol.dialog.connection.tls = tls
    client.ask("EHLO client.example")
    return client


def ask(client: Any, line: str) -> str:
    """The last line of the answer, once the failures' delay of no seconds is over."""
    said = client.ask(line)
    if hasattr(client, "clock"):
        client.clock.advance(0)
        said += client.replies()
    return said[-1]


def log_in(client: Any, half: Any, change: Callable[[int, bytes], bytes] = lambda step, octets: octets) -> list[str]:
    """
    Each answer of the server's to what ``half`` says.

    Args:
        change: What becomes of each response underway.
    """
    initial = half.start()
    step = 0
    if initial is None:
        line = f"AUTH {half.name}"
    else:
        line = f"AUTH {half.name} {b64(change(step, initial)) or '='}"
        step += 1
    answers = [ask(client, line)]
    while answers[-1].startswith("334"):
        challenge = base64.b64decode(answers[-1][4:])
        answers.append(ask(client, b64(change(step, half.next(challenge)))))
        step += 1
    return answers
