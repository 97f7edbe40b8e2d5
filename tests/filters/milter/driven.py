"""A filter that is driven by hand, and the scripted milter behind it, in memory."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred

from tests.milters import Milters, ScriptedMilter
from txsmtpx.content import header
from txsmtpx.filters.milter import Milter
from txsmtpx.filters.milter.milter_filter import MilterFilter
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import Connection, Verdict
from txsmtpx.settling import Eventual, deferred_call
from txsmtpx.testing import Network, Outcome

T = TypeVar("T")

MESSAGE = b"From: a@client.example\r\nSubject: a\r\n\tb\r\n\r\nHello\r\n"


class Context:
    """As much of an envelope as a milter filter reads."""

    queue_id = "1A-1"


def connection(peer: str = "192.0.2.1") -> Connection:
    made = Connection("1", "mx.example", lmtp=False)
    if peer:
        made.peer = IPv4Address("TCP", peer, 4000)
    made.host = IPv4Address("TCP", "192.0.2.25", 25)
    return made


class Driven:
    """
    A filter of one connection after another.

    Attributes:
        milters: The milter.
        network: Between it and the filter.
        milter: The maker of filters.
        filter: The present filter.
    """

    def __init__(self, milters: Milters | None = None, one_by_one: bool = False, **how: object) -> None:
        self.milters = milters or Milters()
        self.network = Network(self.milters, one_by_one=one_by_one)
        self.milter = Milter(self.network, reactor=self.network.clock, **how)  # type: ignore[arg-type]
        self._calls: list[Deferred[Any]] = []
        self.begin()

    def begin(self, client: Connection | None = None) -> MilterFilter:
        """Begin with another connection of a client."""
        self.filter = self.milter(client or connection())
        return self.filter

    @property
    def peer(self) -> ScriptedMilter:
        """The milter's side of the newest connection."""
        return self.milters.connections[-1]

    def start(self, value: Eventual[T]) -> Outcome[T]:
        """Call a method of the filter, and move octets until nothing moves any more."""
        deferred = deferred_call(lambda: value)
        self._calls.append(deferred)
        outcome: Outcome[T] = Outcome(deferred)
        self.network.flush()
        return outcome

    def result(self, value: Eventual[T]) -> T:
        """Call a method of the filter that does not wait for more than octets."""
        return self.start(value).result()

    def greeted(self) -> None:
        """Report a client, up to its hello."""
        assert self.result(self.filter.connected(self.filter.connection)) is None
        assert self.result(self.filter.hello("client.example")) is None

    def enveloped(self) -> None:
        """Report a client, up to its RCPT."""
        self.greeted()
        assert self.result(self.filter.mail("a@client.example", MailOptions())) is None
        assert self.result(self.filter.recipient("b@mx.example", RcptOptions())) is None

    def message(self, message: bytes = MESSAGE) -> Verdict:
        """Report a client, and its whole message; return the verdict."""
        self.enveloped()
        return self.content(message)

    def content(self, message: bytes = MESSAGE) -> Verdict:
        """Report a whole message; return the verdict."""
        verdict = self.result(self.filter.data(Context()))  # type: ignore[arg-type]
        if verdict is None:
            verdict = self.result(self.filter.header(header.read(message)))
        if verdict is None:
            self.result(self.filter.chunk(message))
            verdict = self.result(self.filter.end(len(message)))
        return verdict

    def end(self) -> None:
        """End the connection of the client, which cancels what waits, and see that nothing is left."""
        for each in self._calls:
            each.cancel()
        self.filter.reset()
        self.filter.close()
        self.network.flush()
        self.milter.close()
        self.network.flush()
        assert self.network.clock.getDelayedCalls() == []
        assert all(each.lost for each in self.milters.connections)
