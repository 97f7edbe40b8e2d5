"""One query to a name server, by UDP and by TCP, on real sockets (RFC 1035, RFC 7766, RFC 6840 §5.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IReactorTime
from twisted.names import dns

from tests import name_server
from tests.internet import a
from tests.name_server import NameServer
from tests.wire.lookups import deferred_turn
from txsmtpx.testing import Outcome
from txsmtpx.wire.dns_query import UnusableAnswer, by_tcp, by_udp
from txsmtpx.wire.system_resolver import TLSA

pytestmark = pytest.mark.system

NameServers = Callable[..., NameServer]
HOST = "mx.example.net"
QUERY = dns.Query(HOST, dns.A, dns.IN)
reactor = cast(IReactorTime, global_reactor)


async def udp(server: NameServer, query: dns.Query = QUERY) -> dns.Message:
    return await by_udp(reactor, server.address, query)


async def tcp(server: NameServer, query: dns.Query = QUERY) -> dns.Message:
    return await by_tcp(reactor, server.address, query, 5)


WAYS = pytest.mark.parametrize("ask", [udp, tcp])
Ask = Callable[..., Deferred[dns.Message]]


def addresses(message: dns.Message) -> list[str]:
    return [cast(dns.Record_A, each.payload).dottedQuad() for each in message.answers]


@WAYS
@pytest.mark.parametrize("interface", ["127.0.0.1", "::1"])
async def test_an_answer(name_servers: NameServers, ask: Ask, interface: str) -> None:
    server = name_servers(interface, A={HOST: a("192.0.2.1", "192.0.2.2")})
    assert addresses(await ask(server)) == ["192.0.2.1", "192.0.2.2"]
    assert server.asked == [("A", HOST, ask is tcp)]


@WAYS
async def test_the_query_asks_whether_the_answer_is_secure(name_servers: NameServers, ask: Ask) -> None:
    """RFC 6840 §5.7: by the AD bit of the query."""
    server = name_servers(A={HOST: a("192.0.2.1")})
    assert not (await ask(server)).authenticData
    server.secure = {HOST}
    assert (await ask(server)).authenticData


@WAYS
async def test_records_of_any_type(name_servers: NameServers, ask: Ask) -> None:
    server = name_servers(**{str(TLSA): {HOST: [dns.UnknownRecord(b"\3\1\1data")]}})
    message = await ask(server, dns.Query(HOST, TLSA, dns.IN))
    assert [each.payload.data for each in message.answers] == [b"\3\1\1data"]


async def test_each_query_has_a_number_and_a_port_of_its_own(name_servers: NameServers) -> None:
    """RFC 5452 §9."""
    server = name_servers(A={HOST: a("192.0.2.1")})
    numbers = {(await udp(server)).id for _ in range(20)}
    assert len(numbers) > 15


@WAYS
@pytest.mark.parametrize("answer", [name_server.GARBAGE, name_server.ECHO, name_server.ANOTHER, name_server.BARE])
async def test_what_is_no_answer(name_servers: NameServers, ask: Ask, answer: str) -> None:
    server = name_servers(A={HOST: answer})
    with pytest.raises(UnusableAnswer, match=r"^127\.0\.0\.1 answers (with malformed octets|another question)$"):
        await ask(server)


@WAYS
@pytest.mark.parametrize("code", [name_server.SERVFAIL, name_server.REFUSED, name_server.NXDOMAIN])
async def test_a_code_is_an_answer(name_servers: NameServers, ask: Ask, code: int) -> None:
    assert (await ask(name_servers(A={HOST: code}))).rCode == code


async def test_an_answer_that_is_cut_is_returned(name_servers: NameServers) -> None:
    assert (await udp(name_servers(A={HOST: name_server.CUT}))).trunc


@WAYS
async def test_there_is_no_server(name_servers: NameServers, ask: Ask) -> None:
    server = name_servers()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await ask(server)


async def test_a_server_that_hangs_up(name_servers: NameServers) -> None:
    with pytest.raises(Exception, match=r"closed|lost"):
        await tcp(name_servers(A={HOST: name_server.HANG_UP}))


async def test_cancelled_it_leaves_no_socket(name_servers: NameServers) -> None:
    server = name_servers(A={HOST: name_server.NOTHING})
    asking = Deferred.fromCoroutine(udp(server))
    outcome = Outcome(asking)
    while not server.asked:
        await deferred_turn()
    asking.cancel()
    assert isinstance(outcome.error, CancelledError)
