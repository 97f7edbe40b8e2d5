"""The spam score of a message, by the real programs and by ones that answer wrongly."""

from __future__ import annotations

import contextlib
import http.client
import json
import smtplib
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.inbox.websites import website
from tests.interop import milter_programs
from tests.interop.conftest import need, room  # noqa: F401  # a fixture
from tests.interop.test_spamd import GTUBE, letter, running_spamd
from tests.ports import free_port
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.inbox.spam_check import spam_check

MESSAGE = letter(GTUBE)


def scored(directory: Path, option: str) -> dict[str, object]:
    """What the API answers for a message that each program takes for spam."""
    with Twistd(directory, "--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--web-spam", option) as server:
        smtp, web = map(int, server.ports(2))
        with smtplib.SMTP("127.0.0.1", smtp) as client:
            client.sendmail("me@example.org", ["you@example.net"], MESSAGE)
        url = f"http://127.0.0.1:{web}/api/messages/latest/checks/spam"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
            found: dict[str, object] = json.load(answer)
    return found


def test_spamassassin(room: Callable[[str], Path], tmp_path: Path) -> None:  # noqa: F811
    need("spamd")
    with running_spamd(room("spamd")) as port:
        found = scored(tmp_path, f"spamd:tcp:127.0.0.1:{port}")
    assert (found["program"], found["spam"], found["threshold"]) == ("SpamAssassin", True, 5.0)
    assert "GTUBE" in [each["name"] for each in found["rules"]]


def answers(port: int) -> bool:
    with (
        contextlib.suppress(OSError),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, 5)) as connection,
    ):
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    return False


def test_rspamd(room: Callable[[str], Path], tmp_path: Path) -> None:  # noqa: F811
    need("rspamd")
    port = free_port()
    worker = f'bind_socket = "127.0.0.1:{port}";\nenabled = true;\n'
    with milter_programs.rspamd(room("rspamd"), {"worker-normal.inc": worker}):
        eventually(lambda: answers(port))
        found = scored(tmp_path, f"rspamd:http://127.0.0.1:{port}")
    assert (found["program"], found["spam"]) == ("rspamd", True)
    assert "GTUBE" in [each["name"] for each in found["rules"]]


@pytest.mark.parametrize("wrong", ["", "spamd", "spamd:", "rspamd:", "rspamd:x", "spam:tcp:a:1", "rspamd:ftp://a/"])
def test_descriptions_that_cannot_be_used(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"spamd:ENDPOINT|is no URL"):
        spam_check(MemoryReactorClock(), wrong)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((500, "text/plain", b"x"), "the status 500"),
        ((200, "application/json", b"x"), "not that of /checkv2"),
        ((200, "application/json", b"[]"), "not that of /checkv2"),
        ((200, "application/json", b'{"symbols": 1}'), "not that of /checkv2"),
    ],
)
def test_answers_that_are_none_of_rspamd(tmp_path: Path, answer: tuple[int, str, bytes], text: str) -> None:
    with website() as site:
        site.found["/checkv2"] = answer
        assert text in str(scored(tmp_path, f"rspamd:{site.url}")["error"])


@pytest.mark.parametrize("kind", ["spamd:tcp:127.0.0.1", "rspamd:http://127.0.0.1"])
def test_a_program_that_is_not_there(tmp_path: Path, kind: str) -> None:
    assert "does not answer" in str(scored(tmp_path, f"{kind}:{free_port()}")["error"])
