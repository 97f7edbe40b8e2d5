"""
The time limits of one connection of a server: RFC 5321 §4.5.3.2.

Each command moves the deadline of an idle client.  So only the moment is noted then; the deadline is set once and, when
it passes, compared with that moment.

The phases are "greeting" (until the server greets), "idle" (the client is silent), "message" (from 354 to the end of
the message), "write" (the client does not read), "reply" (a reply waits for others), "answer" (the client sends no more
and waits for a reply), and "close" (the client does not read the last reply).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.grammar import replies
from txsmtpx.wire.deadlines import Deadlines

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer

log = Logger(__name__)

ROUNDING = 0.001
"""Seconds that a deadline may be early."""


class TimeLimits:
    """
    The deadlines of a connection, and what happens when one passes.  The connection creates it.

    Args:
        connection: The connection.
        clock: The clock of the connection.

    Attributes:
        deadlines: By the names of the phases.
        idle_since: The moment since which the server waits for the client; infinite while it does not.
        message_since: The moment since which a message is coming; infinite while none is.
    """

    __slots__ = ("_connection", "clock", "deadlines", "idle_since", "message_since")

    def __init__(self, connection: SMTPServer, clock: IReactorTime) -> None:
        self._connection = connection
        self.clock: IReactorTime = clock
        self.deadlines: Deadlines = Deadlines(clock, self._expired)
        self.idle_since: float = inf
        self.message_since: float = inf

    def await_client(self) -> None:
        """Start the clock of an idle client: the connection is open."""
        self.idle_since = self.clock.seconds()
        self.deadlines.set("idle", self._connection.factory.read_timeout)

    def message_begins(self) -> None:
        """Start the clock of a message."""
        self.message_since = self.clock.seconds()
        self.deadlines.set("message", self._connection.factory.message_timeout)

    def _expired(self, phase: str) -> None:
        connection = self._connection
        if phase == "idle" and connection.paused:
            self.idle_since = inf  # it is the program that waits; what the client has sent is not read
        if phase == "idle" and self._is_early(phase, self.idle_since, connection.factory.read_timeout):
            return
        if phase == "message" and self._is_early(phase, self.message_since, connection.factory.message_timeout):
            return
        if phase in ("idle", "write") and connection.opening.handshake_failed("it was not complete in time"):
            connection.ending.abort()
        elif phase == "idle":
            connection.dialog.say_goodbye(replies.IDLE_421)
        elif phase == "message":
            connection.dialog.say_goodbye(replies.MESSAGE_TIMEOUT_421)
        elif phase == "greeting":
            connection.opening.greet()
        elif phase == "reply":
            connection.send_output()
        elif phase == "answer":
            text = "session={session} the client sends no more, and the backend does not answer: aborting"
            log.info(text, session=connection.dialog.connection.session_id)
            connection.ending.abort()
        else:
            text = "session={session} the peer does not read: aborting"
            log.info(text, session=connection.dialog.connection.session_id)
            connection.ending.abort()

    def _is_early(self, phase: str, since: float, timeout: float) -> bool:
        """Return whether a deadline has moved on, and then set it again."""
        left = since + timeout - self.clock.seconds()
        if left < ROUNDING:
            return False
        self.deadlines.set(phase, min(left, timeout))
        return True
