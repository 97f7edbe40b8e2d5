"""Where the mail of a domain goes: RFC 5321 §5.1, RFC 7505; against a name server of our own."""

from __future__ import annotations

import pytest
from pytest_twisted import blockon
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.names import dns, error
from twisted.names.authority import FileAuthority
from twisted.names.client import Resolver
from twisted.names.server import DNSServerFactory

from tests.internet import Names, mx
from tests.ports import listening
from txsmtpx import MXEndpoint, NoSuchDomain, NullMX, connect, send_mail
from txsmtpx.testing import Outcome, ScriptedServer
from txsmtpx.wire.client_tls import TLSFailed


def exchangers(names):
    return Outcome(MXEndpointFor(names).servers().exchangers())


def MXEndpointFor(names, at=None):
    return MXEndpoint(at or Clock(), "example.net", resolver=names)


async def order(names):
    return (await Deferred.fromCoroutine(MXEndpointFor(names).servers().exchangers())).names


async def test_the_best_first_and_equals_in_any_order():
    names = Names(MX={"example.net": [mx(20, "c"), mx(10, "a"), mx(30, "d"), mx(10, "b")]})
    seen = {tuple(await order(names)) for _ in range(200)}
    assert seen == {("a", "b", "c", "d"), ("b", "a", "c", "d")}


@pytest.mark.parametrize("domain", ["stra\u00dfe.example", "STRA\u00dfE.example", "xn--strae-oqa.example"], ids=ascii)
async def test_a_domain_is_looked_up_as_its_a_label(domain):
    """RFC 5891: not as that of strasse.example, which is another's (RFC 5894 §7.2)."""
    names = Names(MX={"xn--strae-oqa.example": [mx(10, "a")]})
    servers = MXEndpoint(Clock(), domain, resolver=names).servers()
    assert (await Deferred.fromCoroutine(servers.exchangers())).names == ["a"]


@pytest.mark.parametrize("null", [[mx(0, "")], [mx(0, ".")], [mx(0, ""), mx(10, "a")]])
async def test_a_domain_that_takes_no_mail(null):
    with pytest.raises(NullMX, match=r"example\.net accepts no mail"):
        await order(Names(MX={"example.net": null}))


async def test_no_mx_is_the_domain_itself():
    assert await order(Names(MX={"example.net": []})) == ["example.net"]


@pytest.mark.parametrize("nothing", [error.DNSNameError(), error.AuthoritativeDomainError("example.net")])
async def test_no_such_domain(nothing):
    with pytest.raises(NoSuchDomain, match=r"there is no domain example\.net"):
        await order(Names(MX={"example.net": nothing}))


@pytest.mark.parametrize("why", [error.DNSServerError(), error.DNSQueryTimeoutError(7), error.ResolverError("x")])
async def test_a_name_server_that_does_not_work(why):
    with pytest.raises(DNSLookupError, match="could not be looked up") as caught:
        await order(Names(MX={"example.net": why}))
    assert not isinstance(caught.value, NoSuchDomain)


# ---- the connection

ADDRESSES = {"a": [dns.Record_A("192.0.2.1"), dns.Record_A("192.0.2.2")], "b": [dns.Record_A("192.0.2.3")]}


def connecting(names):
    """A memory reactor that has been asked to connect."""
    memory = MemoryReactorClock()
    given = MXEndpoint(memory, "example.net", 2525, resolver=names).connect(Factory.forProtocol(ScriptedServer))
    return memory, given, Outcome(given)


def refuse(memory):
    """The last it has tried refuses; where that was."""
    host, port, factory, *_ = memory.tcpClients.pop()
    factory.clientConnectionFailed(memory.connectors.pop(), ConnectionRefusedError())
    return host, port


@pytest.mark.parametrize("no_ipv6", [error.DNSNameError(), error.DNSQueryTimeoutError(7), error.DomainError()])
def test_each_address_in_turn(no_ipv6):
    names = Names(
        MX={"example.net": [mx(10, "a"), mx(20, "b")]},
        A=ADDRESSES,
        AAAA={"a": [dns.Record_AAAA("2001:db8::1")], "b": no_ipv6},
    )
    memory, _, outcome = connecting(names)
    assert [refuse(memory) for _ in range(4)] == [
        ("2001:db8::1", 2525),
        ("192.0.2.1", 2525),
        ("192.0.2.2", 2525),
        ("192.0.2.3", 2525),
    ]
    assert isinstance(outcome.error, ConnectionRefusedError)


def test_an_exchanger_without_an_address():
    memory, _, outcome = connecting(Names(MX={"example.net": [mx(10, "nowhere"), mx(20, "b")]}, A=ADDRESSES))
    assert refuse(memory) == ("192.0.2.3", 2525)
    assert isinstance(outcome.error, ConnectError)
    _, _, outcome = connecting(Names(MX={"example.net": [mx(10, "nowhere")]}))
    assert isinstance(outcome.error, NoSuchDomain)
    assert "no mail server with an address" in str(outcome.error)


def test_cancelled_it_tries_no_other():
    memory, given, outcome = connecting(Names(MX={"example.net": [mx(10, "a")]}, A=ADDRESSES))
    assert len(memory.tcpClients) == 1
    given.cancel()
    assert len(memory.tcpClients) == 1
    assert outcome.error is not None
    assert memory.getDelayedCalls() == []


def test_cancelled_while_looking_up():
    names = Names()
    names.lookupMailExchange = lambda name: Deferred()
    _, given, outcome = connecting(names)
    given.cancel()
    assert isinstance(outcome.error, CancelledError)


# ---- with real names on real sockets


class Zone(FileAuthority):
    """A zone in memory."""

    def __init__(self, **names):
        super().__init__(names)

    def loadFile(self, names):
        self.soa = (b"test", dns.Record_SOA("ns.test", "hostmaster.test", 1, 1, 1, 1, 1))
        self.records = {f"{name}.test".encode(): given for name, given in names.items()}


@pytest.fixture
def resolver():
    """Asks a name server of our own, by UDP."""
    zone = Zone(
        two=[mx(10, "dead.test"), mx(20, "alive.test")],
        alive=[dns.Record_A("127.0.0.1")],
        dead=[dns.Record_A("127.0.0.2")],
        null=[mx(0, "")],
        bare=[dns.Record_A("127.0.0.1")],
    )
    factory = DNSServerFactory(authorities=[zone])
    udp = reactor.listenUDP(0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
    asking = Resolver(servers=[("127.0.0.1", udp.getHost().port)], reactor=reactor)
    yield asking
    blockon(udp.stopListening())


@pytest.mark.system
async def test_mail_to_a_domain(resolver, authority):
    """The exchanger that answers; verified by its own name."""
    servers = []

    def make():
        servers.append(ScriptedServer(["STARTTLS"], tls=authority.server("alive.test")))
        return servers[-1]

    port = await listening(reactor, make)
    number = port.getHost().port
    for domain in ("two.test", "bare.test"):
        endpoint = MXEndpoint(reactor, domain, number, resolver=resolver)
        if domain == "bare.test":
            with pytest.raises(TLSFailed, match=r"another name than bare\.test"):
                await connect(endpoint, trust_roots=authority.path)
        else:
            client = await connect(endpoint, trust_roots=authority.path)
            assert client.server_name == "alive.test"
            assert client.tls is not None
            await client.quit()
    endpoint = MXEndpoint(reactor, "bare.test", number, resolver=resolver)
    await send_mail(endpoint, "", ["you@bare.test"], b"x", tls="none")
    assert servers[-1].messages == [b"x\r\n"]
    await port.stopListening()


@pytest.mark.system
async def test_domains_that_take_none(resolver):
    with pytest.raises(NullMX):
        await connect(MXEndpoint(reactor, "null.test", resolver=resolver))
    with pytest.raises(NoSuchDomain):
        await connect(MXEndpoint(reactor, "missing.test", resolver=resolver))
