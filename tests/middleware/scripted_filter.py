"""Filters that do what a test tells them, and note what they are asked."""

from __future__ import annotations

from txsmtpx import Filter, FilterBackend
from txsmtpx.testing import Conversation

STAGES = ("connected", "hello", "mail", "recipient", "data", "header", "chunk", "end")
ENVELOPE = ("MAIL FROM:<a@client.example>", "RCPT TO:<b@localhost>", "RCPT TO:<c@localhost>")
MESSAGE = b"Subject: x\r\nTo: b@localhost\r\n\r\nbody\r\n"


class ScriptedFilter(Filter):
    """One filter of a `Script`."""

    def __init__(self, connection, script):
        super().__init__(connection)
        self.script = script
        self.seen = []
        self.octets = b""

    def _answer(self, stage, *args):
        self.seen.append((stage, *args))
        answer = self.script.answers.get(stage)
        if callable(answer):
            return answer(self, *args) if self.script.takes_filter else answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def stages(self):
        return [each[0] for each in self.seen]

    def connected(self, connection):
        return self._answer("connected")

    def hello(self, name):
        return self._answer("hello", name)

    def mail(self, sender, options):
        return self._answer("mail", sender)

    def recipient(self, address, options):
        return self._answer("recipient", address)

    def data(self, context):
        return self._answer("data", context.sender, *context.recipients)

    def header(self, header):
        return self._answer("header", *header.items())

    def chunk(self, octets):
        self.octets += octets
        answer = self.script.answers.get("chunk")
        if isinstance(answer, BaseException):
            raise answer
        return answer(octets) if callable(answer) else answer

    def end(self, size):
        assert size == len(self.octets)
        self.octets, self.message = b"", self.octets
        return self._answer("end", size)

    def reset(self):
        self.octets = b""
        return self._answer("reset")

    def close(self):
        return self._answer("close")


class Script:
    """A maker of filters, and what each of their methods returns; a function is called, and an exception is raised."""

    def __init__(self, holds=False, takes_filter=False, **answers):
        self.holds = holds
        self.takes_filter = takes_filter
        self.answers = answers
        self.made = []

    def __call__(self, connection):
        self.made.append(ScriptedFilter(connection, self))
        return self.made[-1]

    @property
    def only(self):
        (made,) = self.made
        return made


class Filtered:
    """A conversation with a backend behind filters; its clock is that of the filters too."""

    def __init__(self, backend, *filters, hold=None, **settings):
        self.client = Conversation(**settings)
        clock = self.client.clock
        self.client.hang_up()
        self.filtering = FilterBackend(backend, *filters, hold=hold, reactor=clock)
        self.backend = backend
        self.client = Conversation(self.filtering, clock=clock, **settings)
        self.lmtp = settings.get("lmtp", False)

    def begin(self):
        """Go on to DATA; the replies but that to EHLO."""
        said = self.client.ask("LHLO a" if self.lmtp else "EHLO a")
        assert said[-1].startswith("250 "), said
        return self.client.ask(*ENVELOPE, "DATA")

    def send(self, message=MESSAGE):
        """Send a message; the replies to its end."""
        self.begin()
        self.client.send(message + b".\r\n")
        return self.client.replies()
