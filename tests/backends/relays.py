"""Our server that relays in memory to next servers, and an endpoint where there is none."""

from __future__ import annotations

from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError

from txsmtpx import RelayBackend, SMTPServerFactory
from txsmtpx.extensions import registry
from txsmtpx.extensions.dsn import DSN
from txsmtpx.testing import Network, Outcome, ScriptedServer

BODY = b"Subject: x\r\n\r\n.x\r\n"
TO = ["one@example.net", "two@example.net", "one@example.net"]
BIG = b"0123456789abcde\r\n" * 100_000


class Relay:
    """
    Our server that relays over a network to next servers, and a client of it.

    Attributes:
        there: The network behind it.
        here: The network before it.
    """

    def __init__(
        self, *there, lmtp_here=False, lmtp_there=False, domains=("example.net",), endpoints=None, more=(), max_hold=0,
        around=lambda backend: backend, **how,
    ):  # fmt: skip
        self.there = Network(*there)
        self.backend = RelayBackend(
            endpoints or [self.there], lmtp=lmtp_there, domains=domains, tls="none", reactor=self.there.clock, **how
        )
        extensions = [*registry.offered_with(self.backend.supports), DSN, *more]
        self.factory = SMTPServerFactory(
            around(self.backend), domain="relay.example", lmtp=lmtp_here, reactor=self.there.clock,
            extensions=list(dict.fromkeys(extensions)), **({"max_hold": max_hold} if max_hold else {}),
        )  # fmt: skip
        self.here = Network(lambda: self.factory.buildProtocol(None))
        self.here.clock = self.there.clock
        self.here.pumps = self.there.pumps  # so that all are moved
        self.client = self.here.greeted(lmtp=lmtp_here)

    @property
    def next(self):
        return self.there.servers[-1]

    def send(self, body=BODY, to=TO, options=None):
        return self.here.result(self.client.send("me@example.org", to, body, options))

    def end(self):
        self.here.hang_up_all = True
        for pump in list(self.here.pumps):
            pump.clientIO.disconnecting = True
        stopped = [Outcome(pool.stopService()) for pool in self.backend.pools]
        self.here.flush()
        self.there.clock.advance(1000)
        self.here.flush()
        assert all(each.fired for each in stopped)
        assert self.there.clock.getDelayedCalls() == []


def scripted(**script):
    return lambda: ScriptedServer(**script)


class Down:
    """
    An endpoint where no server listens.

    Attributes:
        asked: How often it was asked for a connection.
    """

    def __init__(self):
        self.asked = 0

    def connect(self, factory):
        self.asked += 1
        return fail(ConnectionRefusedError())


def go_on(to_next, seconds, each_second=lambda: None):
    """Let time pass, in steps of a tenth of a second, in which everything arrives."""
    for _ in range(round(seconds * 10)):
        to_next.there.clock.advance(0.1)
        to_next.here.flush()
        each_second()


def sending(client, body=BODY):
    """Begin to send a message to one recipient."""
    return Outcome(client.send("me@example.org", TO[:1], body))
