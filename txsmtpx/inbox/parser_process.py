"""
Opening long messages in another process, which has a limit on time and memory that is enforced.

The sender of a message decides how long it takes to read it.  A thread of Python cannot be ended, and holds the lock
of the interpreter meanwhile.  A process can be ended, and leaves the server free.  There is one process.  It is started
when it is needed, kept while it is used, and ended after `IDLE` seconds, or when a message takes too long.

The server writes a request, reads the answer, and writes the next request.  Requests that come meanwhile wait.  Two
equal requests are one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IPullProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.backends.memory import Received
from txsmtpx.inbox import parser_process_main

log = Logger(__name__)

SECONDS = 10
"""Seconds of the processor for a request.  32 MiB, which is the default of ``max_message_bytes``, take less than 5."""

PATIENCE = 30
"""Seconds for a request, also where the processor has other work."""

MEMORY = 512 * 1024 * 1024
"""Octets of memory that the process may take.  32 MiB of mail take less than 384 MiB."""

MAX_ANSWER = 64 * 1024 * 1024
"""Octets by which an answer may be longer than the message: images may repeat in HTML."""

MAX_WAITING = 16
"""Requests that wait.  One more is refused: 503."""

IDLE = 20
"""Seconds without a request, after which the process is ended."""

PIECE = 64 * 1024
"""Octets of a message that are written to the process at a time."""

Key = tuple[int, str, int]
"""The id of a message, what is asked of it ("opened", "frame" or "part"), and the number of a part."""


class Busy(Exception):
    """Too much is being done already; the client may try again."""


class MessageDeleted(Exception):
    """The message has been deleted meanwhile."""


class LimitExceeded(Exception):
    """The message cannot be opened within the limits."""


class ParserProcess:
    """
    Opens messages, one after the other.  The inbox has one.

    Args:
        reactor: starts the process, and has the time.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        # Paths are relative to where the server was started, and a daemon changes its directory.
        limits = json.dumps([list(map(os.path.abspath, sys.path)), MEMORY, SECONDS])
        self._command = [sys.executable, "-P", os.path.abspath(parser_process_main.__file__), limits]
        self._waiting: dict[Key, _Request] = {}
        self._current: _Request | None = None
        self._process: _Process | None = None
        self._alive: set[_Process] = set()
        self._timer: IDelayedCall | None = None
        self._all_ended: list[Deferred[None]] = []

    def ask(self, received: Received, view: str, number: int = 0) -> Deferred[bytes | None]:
        """
        Ask for a view of a message.

        Args:
            view: "opened", "frame" or "part".
            number: of the part.

        Returns:
            A Deferred of what `txsmtpx.inbox.parser_process_main` answers. It fails with `Busy` where too many requests
            wait, with `LimitExceeded` where a limit is met, and with `MessageDeleted`.  If it is cancelled before its
            turn, and no one else has asked the same, the request is dropped.
        """
        key = (received.id, view, number)
        request = self._waiting.get(key)
        if request is None and self._current is not None and self._current.key == key:
            request = self._current
        if request is None:
            if len(self._waiting) >= MAX_WAITING:
                return fail(Busy())
            request = self._waiting[key] = _Request(key, received.content)
        answer: Deferred[bytes | None] = Deferred(lambda answer: self._dropped(request, answer))
        request.answers.append(answer)
        self._next()
        return answer

    def _dropped(self, request: _Request, answer: Deferred[bytes | None]) -> None:
        request.answers.remove(answer)
        if not request.answers:
            self._waiting.pop(request.key, None)

    def forget(self, number: int) -> None:
        """Drop what waits for a message that is deleted."""
        for key in [key for key in self._waiting if key[0] == number]:
            self._waiting.pop(key).fail(MessageDeleted())

    def stop(self) -> None:
        """Drop what waits, and end the process."""
        self._stop_timer()
        current, self._current = self._current, None
        waiting, self._waiting = self._waiting, {}
        for each in ([current] if current else []) + list(waiting.values()):
            each.fail(Busy())
        self._end_process()

    def ended(self) -> Deferred[None]:
        """Return a Deferred that fires when no process is left."""
        ended: Deferred[None] = Deferred()
        self._all_ended.append(ended)
        self._tell_ended()
        return ended

    def _next(self) -> None:
        while self._current is None and self._waiting:
            self._begin(self._waiting.pop(next(iter(self._waiting))))

    def _begin(self, request: _Request) -> None:
        self._stop_timer()
        if self._process is None:
            self._process = _Process(self)
            self._alive.add(self._process)
            try:
                self._reactor.spawnProcess(self._process, self._command[0], self._command, env=None)
            except OSError as error:  # such as: too many processes
                self._alive.discard(self._process)
                self._process = None
                log.error("no process to open long messages in: {error}", error=error)
                request.fail(Busy())
                return
        self._current = request
        self._timer = self._reactor.callLater(PATIENCE, self._over, f"{PATIENCE} seconds are over")
        self._process.ask(request)

    def answered(self, process: _Process, answer: bytes | None) -> None:
        """A process has answered, perhaps just before it was killed."""
        if process is not self._process:
            return
        self._stop_timer()
        request, self._current = self._current, None
        self._timer = self._reactor.callLater(IDLE, self._end_process)
        if request is not None:
            request.answer(answer)
        self._next()

    def process_ended(self, process: _Process, why: str) -> None:
        """A process has ended, by itself or by us."""
        self._alive.discard(process)
        if process is self._process:
            self._over(why)
        self._tell_ended()

    def _tell_ended(self) -> None:
        if not self._alive:
            waiting, self._all_ended = self._all_ended, []
            for each in waiting:
                each.callback(None)

    def _over(self, why: str) -> None:
        """Open no more of the current message."""
        self._stop_timer()
        self._end_process()
        request, self._current = self._current, None
        if request is not None:
            log.warn("message {id} is shown by its header and its source: {why}", id=request.key[0], why=why)
            request.fail(LimitExceeded())
        self._next()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class _Request:
    """
    One request, and all that wait for the same answer.

    Attributes:
        answers: fired when it is there.
    """

    def __init__(self, key: Key, content: bytes) -> None:
        self.key = key
        self.content = content
        self.answers: list[Deferred[bytes | None]] = []

    def answer(self, answer: bytes | None) -> None:
        """Fire them."""
        answers, self.answers = self.answers, []
        for each in answers:
            each.callback(answer)

    def fail(self, error: Exception) -> None:
        """Fail them, each with an exception of its own."""
        answers, self.answers = self.answers, []
        for each in answers:
            each.errback(type(error)(*error.args))


class _Process(ProcessProtocol):
    """The process, which has one request at a time."""

    transport: Any

    def __init__(self, opener: ParserProcess) -> None:
        self._opener = opener
        self._has: int | None = None
        self._most = 0
        self._received = bytearray()
        self._length: int | None = None
        self._words = b""

    def ask(self, request: _Request) -> None:
        """Write a request, with its message unless the process has it still."""
        id, view, number = request.key
        content = b"" if self._has == id else request.content
        self._has = id
        self._most = MAX_ANSWER + len(request.content)
        line = json.dumps({"view": view, "number": number, "size": len(content)})
        self.transport.write(line.encode("ascii") + b"\n")
        if content:
            self.transport.registerProducer(_Feed(self.transport, content), False)

    def outReceived(self, data: bytes) -> None:
        """A piece of an answer has come."""
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
            self._opener.answered(self, answer)

    def errReceived(self, data: bytes) -> None:
        """It complains: keep the end of that."""
        self._words = (self._words + data)[-2000:]

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        words = self._words.decode("utf-8", "replace").strip()
        self._opener.process_ended(self, words.rpartition("\n")[2] or str(reason.value))

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


@implementer(IPullProducer)
class _Feed:
    """Writes a message piece by piece: a pipe takes 64 KiB at a time."""

    def __init__(self, transport: Any, content: bytes) -> None:
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
        """The process is gone, and what is left of the message with it."""
        self._content = b""
