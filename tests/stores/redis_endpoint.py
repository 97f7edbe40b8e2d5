"""An endpoint of a Redis at which the test answers."""

from __future__ import annotations

import hiredis
from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure


class Transport(StringTransport):
    """A transport that can be aborted."""

    def abortConnection(self):
        self.disconnecting = True
        self.protocol.connectionLost(Failure(ConnectionDone()))


class Redis:
    """An endpoint at which the test answers."""

    def __init__(self):
        self.connecting = None
        self.attempts = 0

    def __str__(self):
        return "ClientEndpoint"

    def connect(self, factory):
        self.attempts += 1
        self.factory = factory
        return self.accept() if self.connecting is None else self.connecting

    def accept(self):
        protocol = self.factory.buildProtocol(None)
        self.transport = Transport()
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        return succeed(protocol)

    def answer(self, *lines):
        for line in lines:
            self.transport.protocol.dataReceived(f"{line}\r\n".encode())

    def numbers(self, *numbers):
        """Answer a script by one number each."""
        for number in numbers:
            self.answer("*1", f":{number}")

    def bulk(self, *texts):
        """Answer one command by a list of texts."""
        self.answer(f"*{len(texts)}", *(line for text in texts for line in (f"${len(text)}", text)))

    def persists(self, **facts):
        """Answer to a look at the file of a Redis, which is complete."""
        assert self.commands()[-1] == ["INFO", "persistence"]
        complete = {"aof_enabled": 1, "aof_rewrite_in_progress": 0, "aof_last_rewrite_time_sec": -1}
        text = "".join(f"{name}:{value}\r\n" for name, value in {**complete, **facts}.items())
        self.answer(f"${len(text)}", text)

    def commands(self):
        """The words of each command that was sent since the last call."""
        reader = hiredis.Reader()
        reader.feed(self.transport.value())
        self.transport.clear()
        return [[word.decode() for word in words] for words in iter(reader.gets, False)]
