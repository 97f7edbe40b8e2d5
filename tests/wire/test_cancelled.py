"""
Guarantee 15 at random: sends that are cancelled at any moment, in any phase, leave neither a timer nor a connection nor
an object, and what the server has is what the errors say.
"""

from __future__ import annotations

import gc
import random
import weakref

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater

from txsmtpx import CommandCancelled, Delivered, SMTPPool, send_mail
from txsmtpx.testing import Network, Outcome, ScriptedServer

SENDS = 96
OFFERS = [[], ["PIPELINING"], ["CHUNKING"], ["PIPELINING", "CHUNKING"]]


class Slow(ScriptedServer):
    """Answers after a random time, one answer after the other."""

    def __init__(self, clock, chance, **script):
        super().__init__(**script)
        self._clock, self._chance, self._last = clock, chance, 0.0

    def send_reply(self, answer):
        now = self._clock.seconds()
        self._last = max(now + self._chance.choice([0, 0.1, 0.5, 1]), self._last + 0.01)
        self._clock.callLater(self._last - now, self._say_then, answer)

    def _say_then(self, answer):
        if not self.lost:
            super().send_reply(answer)


class Sends:
    """So many sends at once over one network, and the times at which they are cancelled."""

    def __init__(self, seed, lmtp, pooled):
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.net = Network(self._server, clock=self.clock)
        self._lmtp = lmtp
        how = {"lmtp": lmtp, "tls": "none", "reactor": self.clock}
        self.pool = SMTPPool(self.net, size=4, **how) if pooled else None
        self.given = []
        self.outcomes = []
        for number in range(SENDS):
            arguments = "me@example.org", [f"u{number}a@example.net", f"u{number}b@example.net"], self._body(number)
            sending = self.pool.send(*arguments) if pooled else send_mail(self.net, *arguments, **how)
            self.given.append(sending)
            self.outcomes.append(Outcome(sending))

    def _server(self):
        return Slow(self.clock, self.chance, offers=self.chance.choice(OFFERS), lmtp=self._lmtp)

    def _body(self, number):
        octets = b"Subject: %d\r\n\r\nx\r\n" % number
        return self.chance.choice([octets, [octets], self._coming(octets)])

    async def _coming(self, octets):
        """A body that comes slowly."""
        for line in octets.splitlines(keepends=True):
            await deferLater(self.clock, self.chance.choice([0, 0.3]))
            yield line

    def run(self):
        """Let time pass, and cancel one after the other, until all have an outcome."""
        left = list(self.given)
        self.chance.shuffle(left)
        at_a_time = 1 if self.pool is not None else 6  # those of a pool take turns, and so longer
        while left or not all(outcome.fired for outcome in self.outcomes):
            self.net.advance(0.1)
            for _ in range(at_a_time):
                if left and self.chance.random() < 0.4:
                    left.pop().cancel()
            assert self.clock.seconds() < 1000
        for _ in range(200):
            self.net.advance(0.1)


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("pooled", [False, True], ids=["send_mail", "pool"])
@pytest.mark.parametrize("seed", range(3))
def test_sends_cancelled_at_random_leave_nothing(seed, pooled, lmtp):
    sends = Sends(seed, lmtp, pooled)
    sends.run()
    if sends.pool is not None:
        stopped = sends.pool.stopService()
        for _ in range(200):
            sends.net.advance(0.1)
        assert stopped.called
    assert all(len(outcome.results) == 1 for outcome in sends.outcomes)
    assert sends.clock.getDelayedCalls() == []
    assert all(server.lost for server in sends.net.servers)
    messages = [message for server in sends.net.servers for message in server.messages]
    cancelled = 0
    for number, outcome in enumerate(sends.outcomes):
        arrived = sum(b"Subject: %d\r\n" % number in message for message in messages)
        assert arrived <= 1
        if outcome.error is None:
            assert arrived == 1
            continue
        cancelled += 1
        assert isinstance(outcome.error, CancelledError)
        if isinstance(outcome.error, CommandCancelled):
            assert arrived <= (outcome.error.delivered is not Delivered.NO)
    assert 20 < cancelled < SENDS
    left = [weakref.ref(each) for each in [*sends.net.clients, *sends.net.servers]]
    assert len(left) > 8
    del sends, outcome, messages
    gc.collect()
    assert [each() for each in left if each() is not None] == []


def test_a_body_that_is_cancelled_is_closed():
    """Whatever it waits for is cancelled too, and its ``finally`` runs."""
    clock, ended = Clock(), []

    async def body():
        try:
            yield b"x\r\n"
            await Deferred()
        finally:
            ended.append(True)

    for offers in OFFERS:
        net = Network(lambda offers=offers: ScriptedServer(offers=offers), clock=clock)
        outcome = Outcome(given := send_mail(net, "", ["you@example.net"], body(), tls="none", reactor=clock))
        net.flush()
        given.cancel()
        net.flush()
        assert isinstance(outcome.error, CommandCancelled)
        assert ended.pop()
        assert clock.getDelayedCalls() == []
