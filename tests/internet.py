"""Addresses in memory: a reactor that connects to scripted servers, and a resolver that knows what it is told."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError, TimeoutError
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock
from twisted.names import dns, error
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.testing import Network, ScriptedServer

REFUSES = "refuses"
"""An address that answers a SYN with a RST."""

SWALLOWS = "swallows"
"""An address that never answers."""

NEVER = "never"
"""What the DNS does not answer at all."""


STEPS = 32
"""A second has so many; in binary that leaves no rest."""


class Connector:
    """What connectTCP gives: an attempt that can be stopped."""

    def __init__(self, internet: Internet, host: str, factory: Any) -> None:
        self.internet = internet
        self.host = host
        self.factory = factory
        self.timer: Any = None

    def stopConnecting(self) -> None:
        """It is given up."""
        if self.timer is not None:
            self.timer.cancel()
        self.internet.given_up.append(self.host)

    def getDestination(self) -> IPv4Address:
        """Where it goes."""
        return IPv4Address("TCP", self.host, 25)

    def fail(self, why: Exception) -> None:
        """There is no connection."""
        self.factory.clientConnectionFailed(self, Failure(why))


@implementer(IReactorPluggableNameResolver)  # MemoryReactorClock of Twisted 24.11 does not provide it
class Internet(MemoryReactorClock):
    """
    A reactor.

    Attributes:
        net: The connections that stand; its servers are in the order of the connections.
        asked: The addresses that were connected to, with the time of each.
        given_up: The addresses whose attempts were stopped.
    """

    def __init__(self, **servers: Any) -> None:
        """
        Args:
            servers: What is at each address: a function that makes a server, `REFUSES` or `SWALLOWS`; an
                address that is not there refuses.
        """
        super().__init__()
        self.servers = servers
        self.nameResolver = object()  # no test resolves a name by the reactor
        self.net = Network(clock=self)
        self.asked: list[tuple[str, float]] = []
        self.given_up: list[str] = []
        self.at: dict[str, list[Any]] = {}

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        """An attempt, which fails in the next turn at the earliest."""
        self.asked.append((host, self.seconds()))
        connector = Connector(self, host, factory)
        factory.startedConnecting(connector)
        server = self.servers.get(host, REFUSES)
        if server == REFUSES:
            connector.timer = self.callLater(0, connector.fail, ConnectionRefusedError())
        elif server == SWALLOWS:
            connector.timer = self.callLater(timeout, connector.fail, TimeoutError())
        else:
            self.net._next = [server]
            self.net.connect(factory)
            self.at.setdefault(host, []).append(self.net.servers[-1])
        return connector

    @property
    def order(self) -> list[str]:
        """The addresses that were connected to."""
        return [host for host, _ in self.asked]

    def go_on(self, seconds: float = 0) -> None:
        """Time passes, in small steps, and everybody says what there is to say."""
        self.net.flush()
        for _ in range(int(seconds * STEPS)):
            self.advance(1 / STEPS)
            self.net.flush()
        self.advance(0)
        self.net.flush()


def server(*offers: str, **script: Any) -> Any:
    """What stands at an address."""
    return lambda: ScriptedServer(list(offers), **script)


class Names:
    """
    A resolver in memory.

    Attributes:
        asked: (kind, name) of each question.
    """

    def __init__(self, **answers: Any) -> None:
        """
        Args:
            answers: By kind, by name: payloads; an exception; or `NEVER`.
        """
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.waiting: dict[tuple[str, str], Deferred[Any]] = {}

    def _answer(self, kind: str, name: str) -> Deferred[Any]:
        self.asked.append((kind, name))
        answer = self.answers.get(kind, {}).get(name, error.DNSNameError())
        if isinstance(answer, Exception):
            return fail(answer)
        if isinstance(answer, str):
            return self.waiting.setdefault((kind, name), Deferred())
        return succeed(records(name, answer))

    def answer(self, kind: str, name: str, *payloads: Any) -> None:
        """The answer that has been missing."""
        self.waiting.pop((kind, name)).callback(records(name, payloads))

    def lookupMailExchange(self, name: str) -> Deferred[Any]:
        """MX."""
        return self._answer("MX", name)

    def lookupAddress(self, name: str) -> Deferred[Any]:
        """A."""
        return self._answer("A", name)

    def lookupIPV6Address(self, name: str) -> Deferred[Any]:
        """AAAA."""
        return self._answer("AAAA", name)

    def lookupPointer(self, name: str) -> Deferred[Any]:
        """PTR."""
        return self._answer("PTR", name)

    def lookupText(self, name: str) -> Deferred[Any]:
        """TXT."""
        return self._answer("TXT", name)


def records(name: str, payloads: Any) -> Any:
    """Answers, as a resolver gives them; a pair says whose record it is."""
    pairs = [each if isinstance(each, tuple) else (name, each) for each in payloads]
    return [dns.RRHeader(owner, payload.TYPE, payload=payload) for owner, payload in pairs], [], []


def mx(preference: int, name: str) -> Any:
    """An MX record."""
    return dns.Record_MX(preference, name.encode())


def a(*addresses: str) -> list[Any]:
    """A records."""
    return [dns.Record_A(each) for each in addresses]


def aaaa(*addresses: str) -> list[Any]:
    """AAAA records."""
    return [dns.Record_AAAA(each) for each in addresses]
