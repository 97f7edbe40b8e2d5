"""The policy servers of Postfix, asked by our server: postgrey delays a client, and policyd-spf checks its domain."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.threads import deferToThread
from twisted.names import dns

from tests.interop import policy_servers
from tests.interop.conftest import need
from tests.name_server import NameServer
from tests.waiting import eventually
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.policy_server import PolicyServer
from txsmtpx.testing import MailServer

NAME_SERVER = "127.53.19.7"
"""An address of the loopback interface, since resolv.conf has no ports."""


@pytest.fixture
def server() -> Iterator[Callable[..., MailServer]]:
    """Makes a server that asks the one at a path."""
    with contextlib.ExitStack() as stack:

        def make(path: Path, **how: Any) -> MailServer:
            def backend(reactor: object) -> FilterBackend:
                asking = PolicyServer(f"unix:{path}", reactor=reactor, **how)
                return FilterBackend(MemoryBackend(), asking, reactor=reactor)

            return stack.enter_context(MailServer(backend))

        yield make


def send(server: MailServer, sender: str, *recipients: str) -> tuple[int, str]:
    """The reply to the recipient that was refused first, or that to the data."""
    with smtplib.SMTP(server.host, server.port) as client:
        client.ehlo("client.test")
        client.mail(sender)
        for each in recipients or ("b@localhost",):
            code, text = client.rcpt(each)
            if code >= 400:
                return code, text.decode()
        code, text = client.data(b"Subject: Lunch\r\n\r\nHello\r\n")
        return code, text.decode()


def contents(server: MailServer) -> list[bytes]:
    return [each.content for each in server.backend.backend.messages]


def test_postgrey_delays_a_client(room: Callable[[str], Path], server: Callable[..., MailServer]) -> None:
    need("postgrey")
    with policy_servers.postgrey(room("postgrey"), "--delay=1", "--greylist-text=Greylisted, come again") as path:
        ours = server(path)
        code, text = send(ours, "a@client.test")
        assert (code, text) == (450, "4.2.0 <b@localhost>: Recipient address rejected: Greylisted, come again")
        eventually(lambda: send(ours, "a@client.test")[0] == 250)
        (content,) = contents(ours)
        assert content.startswith(b"X-Greylist: delayed ")
        assert content.endswith(b"\r\nSubject: Lunch\r\n\r\nHello\r\n")
        assert send(ours, "other@client.test")[0] == 450


def test_postgrey_is_started_again(room: Callable[[str], Path], server: Callable[..., MailServer]) -> None:
    """The connections that were kept are of no use any more."""
    need("postgrey")
    directory = room("postgrey-again")
    with policy_servers.postgrey(directory) as path:
        ours = server(path)
        for _ in range(2):  # its delay is five minutes
            assert send(ours, "a@client.test")[0] == 450
    assert send(ours, "a@client.test") == (451, "4.7.1 Service unavailable, try again later")
    path.unlink(missing_ok=True)
    with policy_servers.postgrey(directory):
        assert send(ours, "a@client.test")[0] == 450


RECORDS = {
    "good.test": b"v=spf1 ip4:127.0.0.1 -all",
    "bad.test": b"v=spf1 -all",
    "soft.test": b"v=spf1 ~all",
}


async def test_policyd_spf_checks_the_domain(room: Callable[[str], Path], server: Callable[..., MailServer]) -> None:
    need("policyd-spf")
    names = NameServer(NAME_SERVER, 53, TXT={name: [dns.Record_TXT(text)] for name, text in RECORDS.items()})
    with policy_servers.policyd_spf(room("policyd-spf"), NAME_SERVER) as path:
        ours = server(path)
        code, text = await deferToThread(send, ours, "a@bad.test")
        assert code == 550
        assert text.startswith("5.7.23 <b@localhost>: Recipient address rejected: Message rejected due to: SPF fail")
        found = {}
        for domain in ("good.test", "soft.test", "none.test"):
            assert (await deferToThread(send, ours, f"a@{domain}", "b@localhost", "c@localhost"))[0] == 250
            content = contents(ours)[-1]
            assert content.count(b"Received-SPF: ") == 1  # for two recipients
            found[domain] = content.split()[1].decode()
    assert found == {"good.test": "Pass", "soft.test": "Softfail", "none.test": "None"}
    assert ("TXT", "bad.test", False) in names.asked
    await names.stop()
