"""Our pool and our relay, and servers that take only so many connections; and strangers at a relay that keep silent."""

from __future__ import annotations

import contextlib
import smtplib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import gatherResults

from tests.interop import servers
from tests.interop.clients import SENDER
from tests.interop.conftest import need
from tests.interop.servers import DOMAIN, Server
from tests.interop.smtpx import smtpx
from tests.ports import free_port
from txsmtpx import SMTPPool
from txsmtpx.testing import Pem

Room = Callable[[str], Path]

CONNECTIONS, MESSAGES = 2, 12


@pytest.fixture(scope="module")
def sparing_postfix(room: Room, certificate: Pem) -> Iterator[Server]:
    """It says 421 to the third connection."""
    need("postfix")
    limits = {"smtpd_client_connection_count_limit": CONNECTIONS, "smtpd_client_event_limit_exceptions": ""}
    with servers.postfix(room("sparing-postfix"), certificate, {}, **limits) as server:
        yield server


@pytest.fixture(scope="module")
def sparing_exim(room: Room, certificate: Pem) -> Iterator[Server]:
    """Likewise."""
    need("exim")
    limits = {"smtp_accept_max": 20, "smtp_accept_max_per_host": CONNECTIONS}
    with servers.exim(room("sparing-exim"), certificate, {}, **limits) as server:
        yield server


@pytest.mark.parametrize("server", ["sparing_postfix", "sparing_exim"])
async def test_all_messages_go_over_the_connections_that_there_are(
    server: str, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue(server).port
    pool = SMTPPool(f"tcp:127.0.0.1:{port}", size=10, domain="client.test")
    bodies = [b"Subject: %d\r\n\r\nHello\r\n" % number for number in range(MESSAGES)]
    results = await gatherResults([pool.send(SENDER, [f"alice@{DOMAIN}"], body) for body in bodies])
    await pool.stopService()
    assert [len(result.accepted) for result in results] == [1] * MESSAGES


# ---- a relay


@contextlib.contextmanager
def relay(room: Room, name: str, *options: str) -> Iterator[int]:
    """The port of one that has a server of ours behind it."""
    behind, port = free_port(), free_port()
    listening = [f"--port=tcp:{number}:interface=127.0.0.1" for number in (behind, port)]
    backend = f"--backend=relay:tcp:127.0.0.1:{behind}"
    with (
        smtpx(room(f"behind-{name}"), behind, listening[0], "--backend=memory"),
        smtpx(room(name), port, listening[1], backend, f"--relay-domain={DOMAIN}", *options),
    ):
        yield port


@contextlib.contextmanager
def strangers(port: int, count: int) -> Iterator[list[smtplib.SMTP]]:
    """They say MAIL and RCPT, and no more."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(smtplib.SMTP("127.0.0.1", port)) for _ in range(count)]
        for client in clients:
            client.ehlo()
            assert client.mail(SENDER)[0] == client.rcpt(f"alice@{DOMAIN}")[0] == 250
        yield clients


def test_ten_strangers_do_not_stop_a_relay(room: Room) -> None:
    with relay(room, "relay-of-ten") as port, strangers(port, 10) as idle:
        before = time.monotonic()
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail(SENDER, f"alice@{DOMAIN}", "Subject: x\r\n\r\nHello\r\n")
        assert time.monotonic() - before < 4
        for each in idle:  # none of which has noticed
            each.noop()
            assert each.data("Subject: x\r\n\r\nHello\r\n")[0] == 250


def test_who_waits_has_an_answer_in_seconds(room: Room) -> None:
    """Strangers within large messages keep their connections for a while."""
    bounds = ["--relay-connections=2", "--relay-wait=1", "--relay-hold=3"]
    with relay(room, "relay-of-two", *bounds) as port, strangers(port, 2) as slow:
        for each in slow:
            assert each.docmd("DATA")[0] == 354
            each.send(b"Subject: x\r\n\r\n" + b"0123456789abcde\r\n" * 20_000)
        began = time.monotonic()
        with smtplib.SMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(SENDER, f"alice@{DOMAIN}", "Subject: x\r\n\r\nHello\r\n")
        assert time.monotonic() - began < 3
        ((code, text),) = caught.value.recipients.values()
        assert (code, text[:6]) == (451, b"4.3.2 ")
        time.sleep(max(0.0, began + 3.5 - time.monotonic()))
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail(SENDER, f"alice@{DOMAIN}", "Subject: x\r\n\r\nHello\r\n")
        answers = []
        for each in slow:
            each.send(b".\r\n")
            answers.append(each.getreply())
        assert sorted(code for code, _ in answers) == [250, 451]
