"""opendmarc, rspamd, clamav-milter and spamass-milter in front of our server, as the page says."""

from __future__ import annotations

import contextlib
import email
import re
import shlex
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop import milter_programs
from tests.interop.conftest import need
from tests.interop.filtered import behind, letter, refusal, send
from tests.interop.milter_page import BACKEND, COMMAND, OPENDKIM_VERIFIES, OPTIONAL, RSPAMD_REDIS
from tests.interop.milter_programs import EICAR, GTUBE
from tests.interop.redis_server import RedisServer
from tests.interop.smtpx import smtpx
from tests.interop.test_spamd import running_spamd
from tests.maildir import stored
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.milter import Milter
from txsmtpx.interfaces import Clock
from txsmtpx.testing import MailServer

Room = Callable[[str], Path]

DNS = "_dmarc.strict.example v=DMARC1; p=reject\n_dmarc.mild.example v=DMARC1; p=none\n"


def test_the_backends_of_the_page() -> None:
    names: dict[str, object] = {}
    exec(BACKEND, names)
    assert isinstance(names["backend"], FilterBackend)
    assert len(names["backend"].filters) == 3
    exec(OPTIONAL, names)
    assert isinstance(names["backend"], FilterBackend)
    assert names["clamav"] in names["backend"].filters.values()


@pytest.fixture(scope="module")
def opendmarc(room: Room) -> Iterator[Path]:
    need("opendmarc")
    with milter_programs.opendmarc(room("opendmarc"), DNS) as path:
        yield path


@pytest.fixture(scope="module")
def opendkim(room: Room) -> Iterator[Path]:
    need("opendkim")
    with milter_programs.opendkim(room("opendkim"), OPENDKIM_VERIFIES, "nothing.example x\n") as path:
        yield path


def test_opendmarc(opendmarc: Path, opendkim: Path) -> None:
    """It applies the policy to the result of opendkim, which is before it."""
    with behind(opendkim, opendmarc) as server:
        text = "5.7.1 rejected by DMARC policy for strict.example"
        assert refusal(server, letter(sender=b"me@strict.example")) == (550, text)
        send(server, letter(sender=b"me@mild.example"))
        (received,) = server.messages
    results = received.message.get_all("Authentication-Results")
    assert [re.sub(r"\s+", " ", each) for each in results] == [
        "mx.example.org; dmarc=fail (p=none dis=none) header.from=mild.example",
        "mx.example.org; dkim=none; dkim-atps=neutral",
    ]


def test_the_command_of_the_page(opendmarc: Path, opendkim: Path, room: Room) -> None:
    """It checks both milters, and receives, rejects and marks mail as they say."""
    directory, port = room("milter-command"), free_port()
    text = COMMAND.replace("/run/opendkim/opendkim.sock", str(opendkim))
    text = text.replace("/run/opendmarc/opendmarc.sock", str(opendmarc)).replace(
        "2525", f"tcp:{port}:interface=127.0.0.1"
    )
    options = shlex.split(text)[4:]
    twistd = [Path(sys.executable).with_name("twistd"), "-n", "--pidfile=", "smtpx", *options, "--check"]
    checked = subprocess.run(twistd, cwd=directory, capture_output=True, text=True, check=True)
    assert "milter version 6, may add header fields, change header fields" in checked.stdout
    assert "milter version 6, may add header fields, quarantine messages" in checked.stdout
    with smtpx(directory, port, *options) as server, smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        with pytest.raises(smtplib.SMTPDataError, match="rejected by DMARC policy for strict"):
            client.sendmail("me@strict.example", ["you@example.net"], letter(sender=b"me@strict.example"))
        client.sendmail("me@mild.example", ["you@example.net"], letter(sender=b"me@mild.example"))
        (message,) = eventually(lambda: stored(directory / "Maildir"), lambda: server.end)
    assert b"Authentication-Results: mx.example.org; dmarc=fail (p=none dis=none) header.from=mild.example" in message


@pytest.fixture(scope="module")
def rspamd(room: Room) -> Iterator[Path]:
    need("rspamd")
    need("redis")
    redis = RedisServer(room("rspamd-redis"), "--unixsocketperm", "777")
    redis.start()
    try:
        files = {
            "redis.conf": RSPAMD_REDIS.replace("/run/redis/redis-server.sock", str(redis.socket)),
            "greylist.conf": "timeout = 1s; greylist_min_score = 4;\n",
            "actions.conf": "greylist = 4; add_header = 8; reject = 15;\n",
        }
        with milter_programs.rspamd(room("rspamd"), files) as path:
            yield path
    finally:
        redis.kill()


STRANGER = "192.0.2.7"
"""A client's address: rspamd lets those of the loopback interface do more."""


def test_rspamd_rejects_spam(rspamd: Path) -> None:
    with behind(rspamd) as server:
        assert refusal(server, letter(body=GTUBE + b"\r\n"), STRANGER) == (554, "5.7.1 Gtube pattern")
        assert server.messages == []


def test_rspamd_defers_a_doubtful_message_and_marks_it_later(rspamd: Path) -> None:
    results = b"Authentication-Results: mx.example.org; dkim=none"
    doubtful = letter(results, b"Received: from a.example ([192.0.2.9]) by b.example; Mon, 30 Nov 2026 11:59:00 +0000")

    def accepted() -> bool:
        with contextlib.suppress(smtplib.SMTPDataError):
            send(server, doubtful, STRANGER)
            return True
        return False

    with behind(rspamd) as server:
        assert refusal(server, doubtful, STRANGER) == (451, "4.7.1 Try again later")
        eventually(accepted)
        (received,) = server.messages
    assert "default: " in received.message["X-Spamd-Result"]
    body = received.content.partition(b"\r\n\r\n")[2]
    assert body == b"At noon?\r\n"
    added = {"X-Spamd-Result", "X-Spam"}
    kept = [field for field in received.message.items() if field[0] not in added]
    assert kept == email.message_from_bytes(doubtful).items()


@pytest.fixture(scope="module")
def clamav(room: Room) -> Iterator[Path]:
    need("clamav-milter")
    with milter_programs.clamav_milter(room("clamav")) as path:
        yield path


def test_clamav_milter(clamav: Path) -> None:
    with behind(clamav) as server:
        text = "5.7.1 Virus found: Eicar-Test-Signature.UNOFFICIAL"
        assert refusal(server, letter(body=EICAR + b"\r\n")) == (550, text)
        assert refusal(server, letter(body=b"x" * 100_000 + EICAR + b"\r\n")) == (550, text)  # in its second piece
        send(server, letter())
        (received,) = server.messages
    assert received.message["X-Virus-Status"] == "Clean"
    added = re.search(rb"(?:X-Virus-[^\r]*\r\n)+", received.content)
    assert added is not None
    assert received.content.replace(added[0], b"") == letter()


def test_spamass_milter(room: Room) -> None:
    """Two sessions have one connection to the milter: libmilter allows another session behind "continue"."""
    need("spamass-milter")
    made: list[Milter] = []

    def backend(reactor: Clock) -> FilterBackend:
        made.append(Milter(f"unix:{path}", reactor=reactor))
        return FilterBackend(MemoryBackend(), *made, reactor=reactor)

    with (
        running_spamd(room("spamass-spamd")) as port,
        milter_programs.spamass_milter(room("spamass"), port) as path,
        MailServer(backend) as server,
    ):
        assert refusal(server, letter(body=GTUBE + b"\r\n")) == (550, "5.7.1 Blocked by SpamAssassin")
        kept = []
        for _ in range(2):
            send(server, letter())
            kept += eventually(lambda: list(made[0].connections.kept))
        first, second = server.messages
    assert kept[0] is kept[1]
    for received in (first, second):
        assert received.message["X-Spam-Status"].startswith("No, score=")
        assert received.message["Subject"] == "Lunch"
