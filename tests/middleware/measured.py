"""A server whose backend is measured, and an observer that keeps the calls."""

from __future__ import annotations

from twisted.internet.task import Clock

from txsmtpx import MeasuredBackend
from txsmtpx.testing import Conversation

MAIL = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>", "DATA")


class Calls:
    """An observer that keeps the calls."""

    def __init__(self):
        self.began = []
        self.ended = []

    def call_began(self, backend, stage):
        self.began.append((backend, stage))

    def call_ended(self, call):
        self.ended.append(call)

    @property
    def in_flight(self):
        return len(self.began) - len(self.ended)

    @property
    def of_data(self):
        (call,) = (each for each in self.ended if each.stage == "data")
        return call


class Measured:
    """A conversation with a server whose backend is measured."""

    def __init__(self, backend, around=lambda backend: backend, **settings):
        self.clock = Clock()
        self.calls = Calls()
        measured = MeasuredBackend(backend, "mine", self.calls, reactor=self.clock)
        self.client = Conversation(around(measured), clock=self.clock, **settings)
        self.client.ask("LHLO a" if settings.get("lmtp") else "EHLO a", *MAIL)
