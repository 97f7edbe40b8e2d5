"""A queue whose next hops are servers in memory, and whose clock stands still."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.queue.memory_queue_store import MemoryQueueStore
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue.route import Route
from txsmtpx.testing import Network, Outcome, ScriptedServer

ME, ANN, BOB = "me@example.org", "ann@example.net", "bob@example.com"
BODY = b"Subject: x\r\n\r\nhello\r\n"


class Queues:
    """
    A queue with a server for each route.

    Attributes:
        store: Its store.
        queue: The queue.
        nets: The network of each route, by its domain.
        clock: The clock.
        events: The events so far.
    """

    def __init__(self, servers=None, *, routes=(), lmtp=False, connections=None, reporter=None, **settings):
        if servers is None:
            servers = {"*": ScriptedServer}
        self.store = MemoryQueueStore()
        self.nets = {}
        self.clock = None
        made = list(routes)
        for domain, server in servers.items():
            self.nets[domain] = net = Network(*(server if isinstance(server, list) else [server]), clock=self.clock)
            self.clock = net.clock
            made.append(Route(domain, net, tls="none", lmtp=lmtp, connections=connections))
        self.queue = MailQueue(
            self.store, routes=made, reactor=self.clock, now=lambda: 1_000_000 + self.clock.seconds(),
            reporter=reporter, **settings,
        )  # fmt: skip
        self.events = []
        self._reading = Outcome(Deferred.fromCoroutine(self._read(self.queue.events())))
        self.queue.startService()
        self.flush()

    async def _read(self, events):
        async for event in events:
            self.events.append(event)

    def flush(self):
        moved = True
        while moved:
            moved = False
            for net in self.nets.values():
                for pump in list(net.pumps):
                    moved |= pump.flush()

    def advance(self, seconds):
        self.clock.advance(seconds)
        self.flush()

    def submit(self, *to, sender=ME, body=BODY, options=None):
        outcome = Outcome(self.queue.submit(sender, list(to) or [ANN], body, options))
        self.flush()
        return outcome.result()

    def server(self, domain="*", at=-1):
        return self.nets[domain].servers[at]

    def messages(self, domain="*"):
        return [message for server in self.nets[domain].servers for message in server.messages]

    def lines(self, domain="*"):
        return [line for server in self.nets[domain].servers for line in server.lines]

    def kinds(self):
        return [(event.kind, event.recipient) for event in self.events]

    def stop(self, seconds=0.0):
        outcome = Outcome(self.queue.stopService())
        self.flush()
        if seconds:
            self.advance(seconds)
        assert outcome.fired
        assert self.clock.getDelayedCalls() == []
        assert not self.store.is_open
