"""The server's end of the pipes to the process `txsmtpx.inbox.parser_process_main`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Literal, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.inbox.message_detail import View

MAX_ANSWER = 64 * 1024 * 1024
"""Octets by which an answer may be longer than its message: HTML may show one image many times."""

PIECE = 64 * 1024
"""Octets of a message that are written at a time.  A pipe of Linux holds 64 KiB (pipe(7))."""

MAX_ERROR = 2000
"""Octets of standard error that are kept for the log."""

RequestKey = tuple[int, View, int]
"""The number of a message, the view that is requested, and the number of a part."""


class ParserRequest:
    """
    Hold one request, and the Deferreds of all clients that wait for its answer.  `ParserProcess.request` creates it.

    Attributes:
        key: What is requested.
        content: The octets of the message.
        answers: The Deferreds that fire with the answer.

    Args:
        key: What is requested.
        content: The octets of the message.
    """

    def __init__(self, key: RequestKey, content: bytes) -> None:
        self.key = key
        self.content = content
        self.answers: list[Deferred[bytes | None]] = []

    def answer(self, answer: bytes | None) -> None:
        """
        Fire the Deferreds.

        Args:
            answer: The view, None if there is none.
        """
        answers, self.answers = self.answers, []
        for each in answers:
            each.callback(answer)

    def fail(self, error: Exception) -> None:
        """
        Fail the Deferreds, each with a new exception.

        Args:
            error: The exception that is copied.
        """
        answers, self.answers = self.answers, []
        for each in answers:
            each.errback(type(error)(*error.args))


class ProcessTransport(Protocol):
    """The methods of Twisted's process transport that are used here."""

    def write(self, data: bytes) -> None:
        """
        Write to standard input.

        Args:
            data: The octets.
        """

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        Register the producer that writes to standard input.

        Args:
            producer: The producer.
            streaming: False, since it is a pull producer.
        """

    def unregisterProducer(self) -> None:
        """Unregister the producer."""

    def signalProcess(self, signalID: Literal["KILL"]) -> None:
        """
        Send a signal.

        Args:
            signalID: The name of the signal.
        """


class ParserProtocol(ProcessProtocol):
    """
    Exchange requests and answers with one process.  `ParserProcess` creates it, and sends one request at a time.

    Args:
        answered: It is called with this protocol and the answer: None if the process has no such view.
        ended: It is called with this protocol and the reason, when the process has ended.
    """

    transport: ProcessTransport  # type: ignore[assignment]  # Twisted declares ITransport, which has no signalProcess

    def __init__(
        self,
        answered: Callable[[ParserProtocol, bytes | None], None],
        ended: Callable[[ParserProtocol, str], None],
    ) -> None:
        self._answered = answered
        self._ended = ended
        self._message: int | None = None
        self._most = 0
        self._received = bytearray()
        self._length: int | None = None
        self._error = b""

    def send(self, request: ParserRequest) -> None:
        """
        Write a request.  The message is left out if the process has it from the request before.

        Args:
            request: The request.
        """
        id, view, number = request.key
        content = b"" if self._message == id else request.content
        self._message = id
        self._most = MAX_ANSWER + len(request.content)
        line = json.dumps({"view": view, "number": number, "size": len(content)})
        self.transport.write(line.encode("ascii") + b"\n")
        if content:
            self.transport.registerProducer(_MessageProducer(self.transport, content), False)

    def outReceived(self, data: bytes) -> None:
        """
        Read a piece of an answer.

        Args:
            data: Octets from standard output.
        """
        # A bytearray grows in place.  A long answer comes in a thousand pieces.
        self._received += data
        if self._length is None and b"\n" in self._received:
            line, _, rest = self._received.partition(b"\n")
            self._length, self._received = int(line), rest
        if self._length is None:
            return
        if self._length > self._most:
            self.kill()
        elif len(self._received) >= self._length:
            answer = None if self._length < 0 else bytes(self._received)
            self._received, self._length = bytearray(), None
            self._answered(self, answer)

    def errReceived(self, data: bytes) -> None:
        """
        Keep the end of standard error for the log.

        Args:
            data: Octets from standard error, such as a traceback.
        """
        self._error = (self._error + data)[-MAX_ERROR:]

    def processEnded(self, reason: Failure) -> None:
        """
        Report that the process has ended, with the last line of standard error as the reason.

        Args:
            reason: How the process ended.  It is the reason if standard error is empty.
        """
        error = self._error.decode("utf-8", "replace").strip()
        self._ended(self, error.rpartition("\n")[2] or str(reason.value))

    def kill(self) -> None:
        """Kill the process."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


@implementer(IPullProducer)
class _MessageProducer:
    """Write a message in pieces, each when the process has read the one before."""

    def __init__(self, transport: ProcessTransport, content: bytes) -> None:
        self._transport = transport
        self._content = content
        self._at = 0

    def resumeProducing(self) -> None:
        """Write the next piece."""
        self._transport.write(self._content[self._at : self._at + PIECE])
        self._at += PIECE
        if self._at >= len(self._content):
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:
        """Drop the rest of the message, since the process has ended."""
        self._content = b""
