"""
Parse long messages in another process, with limits on time and memory.

Theory of operation: the sender of a message decides how long it takes to parse it.  A thread would not help: Python
cannot end a thread, and the thread holds the interpreter's lock.  A process can be killed, and the server goes on.

  - There is at most one process.  It is started for the first request, and reused for the next.
  - It is ended after `IDLE` seconds without a request, and killed when a message exceeds a limit.
  - The server writes one request, reads the answer, and writes the next.  Other requests wait, up to `MAX_WAITING`.
  - Clients that request the same view of the same message share one request.
"""

from __future__ import annotations

import json
import os
import sys

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txsmtpx.backends.received import Received
from txsmtpx.inbox import parser_process_main
from txsmtpx.inbox.inbox_errors import LimitExceeded, MessageDeleted
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.inbox.message_detail import View
from txsmtpx.inbox.parser_protocol import ParserProtocol, ParserRequest, RequestKey
from txsmtpx.web.web_errors import Busy

log = Logger(__name__)

CPU_SECONDS = 10
"""Seconds of processor time for a request.  32 MiB, the default of ``max_message_bytes``, take up to 5."""

REQUEST_SECONDS = 30
"""Seconds for a request, also on a machine whose processors are busy."""

MEMORY = 512 * 1024 * 1024
"""Octets of memory of the process.  A message of 32 MiB takes up to 384 MiB."""

MAX_WAITING = 16
"""Requests that wait.  A further request gets 503."""

IDLE = 20
"""Seconds without a request after which the process is ended."""


class ParserProcess:
    """
    Start, use and end the process that parses long messages.  `Inbox` creates one.

    Args:
        reactor: It starts the process, and keeps the time.
    """

    def __init__(self, reactor: IInboxReactor) -> None:
        self._reactor = reactor
        # Entries of sys.path may be relative to the directory where the server was started; a daemon leaves it.
        limits = json.dumps([list(map(os.path.abspath, sys.path)), MEMORY, CPU_SECONDS])
        self._command = [sys.executable, "-P", os.path.abspath(parser_process_main.__file__), limits]
        self._waiting: dict[RequestKey, ParserRequest] = {}
        self._current: ParserRequest | None = None
        self._process: ParserProtocol | None = None
        self._alive: set[ParserProtocol] = set()
        self._timer: IDelayedCall | None = None
        self._exit_waiters: list[Deferred[None]] = []

    def request(self, received: Received, view: View, number: int = 0) -> Deferred[bytes | None]:
        """
        Request a view of a message.

        Args:
            received: The message.
            view: See `rendered_view`.
            number: The number of the part, for the view "part".

        Returns:
            A Deferred of the result of `rendered_view`.  It fails with `Busy` if too many requests wait, with
            `LimitExceeded` if the message exceeds a limit, and with `MessageDeleted`.  If the Deferred is cancelled
            before its turn, and no other client has requested the same, the request is dropped.
        """
        key = (received.id, view, number)
        request = self._waiting.get(key)
        if request is None and self._current is not None and self._current.key == key:
            request = self._current
        if request is None:
            if len(self._waiting) >= MAX_WAITING:
                return fail(Busy())
            request = self._waiting[key] = ParserRequest(key, received.content)
        answer: Deferred[bytes | None] = Deferred(lambda answer: self._cancelled(request, answer))
        request.answers.append(answer)
        self._next()
        return answer

    def _cancelled(self, request: ParserRequest, answer: Deferred[bytes | None]) -> None:
        request.answers.remove(answer)
        if not request.answers:
            self._waiting.pop(request.key, None)

    def forget(self, number: int) -> None:
        """
        Fail the requests that wait for a message that was deleted.

        Args:
            number: The number of the message.
        """
        for key in [key for key in self._waiting if key[0] == number]:
            self._waiting.pop(key).fail(MessageDeleted())

    def stop(self) -> None:
        """Fail all requests, and kill the process."""
        self._stop_timer()
        current, self._current = self._current, None
        waiting, self._waiting = self._waiting, {}
        for each in ([current] if current else []) + list(waiting.values()):
            each.fail(Busy())
        self._kill_process()

    def exited(self) -> Deferred[None]:
        """
        Wait until no process is left.

        Returns:
            A Deferred that fires when the last process has ended, or at once.
        """
        exited: Deferred[None] = Deferred()
        self._exit_waiters.append(exited)
        self._notify_exit_waiters()
        return exited

    def _next(self) -> None:
        while self._current is None and self._waiting:
            self._begin(self._waiting.pop(next(iter(self._waiting))))

    def _begin(self, request: ParserRequest) -> None:
        self._stop_timer()
        if self._process is None:
            self._process = ParserProtocol(self._answered, self._ended)
            self._alive.add(self._process)
            try:
                self._reactor.spawnProcess(self._process, self._command[0], self._command, env=None)
            except OSError as error:  # such as EAGAIN: the user has too many processes
                self._alive.discard(self._process)
                self._process = None
                log.error("cannot start the process that parses long messages: {error}", error=error)
                request.fail(Busy())
                return
        self._current = request
        reason = f"parsing it took more than {REQUEST_SECONDS} seconds"
        self._timer = self._reactor.callLater(REQUEST_SECONDS, self._abandon, reason)
        self._process.send(request)

    def _answered(self, process: ParserProtocol, answer: bytes | None) -> None:
        if process is not self._process:  # it wrote the answer just before it was killed
            return
        self._stop_timer()
        request, self._current = self._current, None
        self._timer = self._reactor.callLater(IDLE, self._kill_process)
        if request is not None:
            request.answer(answer)
        self._next()

    def _ended(self, process: ParserProtocol, reason: str) -> None:
        self._alive.discard(process)
        if process is self._process:
            self._abandon(reason)
        self._notify_exit_waiters()

    def _notify_exit_waiters(self) -> None:
        if not self._alive:
            waiting, self._exit_waiters = self._exit_waiters, []
            for each in waiting:
                each.callback(None)

    def _abandon(self, reason: str) -> None:
        """Kill the process, fail the current request, and go on with the next."""
        self._stop_timer()
        self._kill_process()
        request, self._current = self._current, None
        if request is not None:
            log.warn(
                "message {id} is shown by its header and its source only: {reason}", id=request.key[0], reason=reason
            )
            request.fail(LimitExceeded())
        self._next()

    def _kill_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
