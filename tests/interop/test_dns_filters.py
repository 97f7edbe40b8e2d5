"""DNS lists and host names in front of a whole server, with a name server on the loopback interface."""

from __future__ import annotations

import smtplib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread
from twisted.names import client, dns

from tests import name_server
from tests.internet import a, aaaa
from tests.name_server import NameServer
from txsmtpx import DataContext, FilterBackend, MemoryBackend
from txsmtpx.filters.dnsbl import DNSBL
from txsmtpx.filters.dnsbl_result import DNSBLResult
from txsmtpx.filters.reverse_dns import ReverseDNS
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.testing import MailServer
from txsmtpx.wire.system_resolver import Configuration, SystemResolver

GOOD, BAD = "127.0.0.10", "127.0.0.66"
LISTED = "66.0.0.127.bl.test"


def ptr(*names: str) -> list[Any]:
    return [dns.Record_PTR(name.encode(), ttl=60) for name in names]


@pytest_twisted.async_yield_fixture
async def names() -> AsyncIterator[NameServer]:
    """It knows a good client and a bad one, and a list that has the bad one."""
    server = NameServer(
        PTR={"10.0.0.127.in-addr.arpa": ptr("forged.test", "good.test"), "66.0.0.127.in-addr.arpa": ptr("good.test")},
        A={"good.test": a(GOOD), "forged.test": a(BAD), LISTED: a("127.0.0.4")},
        AAAA={"good.test": aaaa("::1")},
        TXT={LISTED: [dns.Record_TXT(b"https://bl.test/66")]},
    )
    yield server
    await server.stop()


class Keeping(MemoryBackend):
    """It keeps the results of filters too."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []

    def keep(self, content: bytes, context: DataContext) -> Any:
        self.results.append([*context.results])
        return super().keep(content, context)


Make = Callable[..., MailServer]


@pytest.fixture(params=["ours", "twisted.names"])
def make(request: pytest.FixtureRequest, names: NameServer) -> Iterator[Make]:
    """Makes a server with both filters, which ask the name server by one resolver or the other."""
    made = []

    def make(**how: Any) -> MailServer:
        def backend(reactor: Any) -> FilterBackend:
            if request.param == "ours":
                resolver: Any = SystemResolver(reactor, Configuration([names.address]), hosts_file="/nowhere")
            else:
                resolver = client.Resolver(servers=[names.address], reactor=reactor)
            lists = DNSBL(**{"zones": "bl.test", "exempt": [], "resolver": resolver, "reactor": reactor, **how})
            return FilterBackend(Keeping(), ReverseDNS(resolver=resolver, reactor=reactor), lists, reactor=reactor)

        made.append(MailServer(backend))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


def send(server: MailServer, host: str) -> str:
    """The greeting, if it refuses; or the reply to a recipient or to the data."""
    connection = smtplib.SMTP(source_address=(host, 0))
    code, text = connection.connect(server.host, server.port)
    if code == 220:
        connection.ehlo("client.test")
        connection.mail("a@client.test")
        code, text = connection.rcpt("b@localhost")
    if code == 250:
        code, text = connection.data(b"Subject: x\r\n\r\ny\r\n")
    connection.close()
    return f"{code} {text.decode()}"


REFUSED = f"554 5.7.1 Service unavailable; Client host [{BAD}] blocked using bl.test; https://bl.test/66"


async def test_a_listed_client_is_refused_before_the_greeting(make: Make) -> None:
    server = make()
    assert await deferToThread(send, server, BAD) == REFUSED
    assert (await deferToThread(send, server, GOOD)).startswith("250 ")
    (results,) = server.backend.backend.results
    assert results == [ReverseName("good.test", ("forged.test", "good.test")), DNSBLResult(0)]


async def test_a_listed_client_is_refused_at_the_recipient(make: Make) -> None:
    assert await deferToThread(send, make(at="recipient"), BAD) == REFUSED


async def test_a_listed_client_is_a_fact(make: Make) -> None:
    server = make(reject_at=None)
    assert (await deferToThread(send, server, BAD)).startswith("250 ")
    (results,) = server.backend.backend.results
    assert results[0] == ReverseName("", ("good.test",))
    assert results[1].facts() == {"dnsbl_score": 1, "dnsbl": "bl.test"}


async def test_answers_are_kept(make: Make, names: NameServer) -> None:
    names.authority = [
        dns.RRHeader("test", dns.SOA, ttl=60, payload=dns.Record_SOA(b"ns.test", b"me.test", minimum=60))
    ]
    server = make()
    for _ in range(3):
        assert (await deferToThread(send, server, GOOD)).startswith("250 ")
    asked = [name for _, name, _ in names.asked]
    assert asked.count("10.0.0.127.bl.test") == 1


@pytest.mark.parametrize("make", ["ours"], indirect=True)  # that of Twisted leaves timers on the global reactor
@pytest.mark.parametrize("answer", [
    name_server.SERVFAIL, name_server.REFUSED, name_server.GARBAGE, name_server.ECHO, name_server.NOTHING,
    name_server.CUT, name_server.HANG_UP, name_server.REFERRAL,
])  # fmt: skip
async def test_a_name_server_that_fails_refuses_nobody(make: Make, names: NameServer, answer: Any) -> None:
    names.answers = {kind: dict.fromkeys(of_kind, answer) for kind, of_kind in names.answers.items()}
    server = make(lookup=1)
    assert (await deferToThread(send, server, BAD)).startswith("250 ")
    (results,) = server.backend.backend.results
    assert results[0].confirmed == ""
    assert results[1] == DNSBLResult(0, failed=("bl.test",))


async def test_a_client_that_goes_while_the_dns_is_silent(make: Make, names: NameServer) -> None:
    names.answers = {"A": {LISTED: name_server.NOTHING}, "PTR": {}}
    server = make()

    def come_and_go() -> None:
        for _ in range(10):
            with socket.create_connection((server.host, server.port), source_address=(BAD, 0)) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    await deferToThread(come_and_go)
    assert (await deferToThread(send, server, GOOD)).startswith("250 ")
