"""
The time limits of one connection of a server: RFC 5321 §4.5.3.2.

Each command moves the deadline of an idle client, and of an incomplete message.  So only the moment is noted then.  The
connection is woken at its earliest deadline so far (`txsmtpx.wire.shared_timers`), and compares it with that moment.

The phases are "greeting" (until the server greets), "idle" (the client is silent), "message" (from 354 to the end of
the message), "write" (the client does not read), "reply" (a reply waits for others), "answer" (the client sends no more
and waits for a reply), and "close" (the client does not read the last reply).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txsmtpx.dialog.state import CLOSED
from txsmtpx.grammar import replies
from txsmtpx.wire.opening import handshake_failed

if TYPE_CHECKING:
    from txsmtpx.wire.server import SMTPServer

log = Logger(__name__)

ROUNDING = 0.001
"""Seconds that a deadline may be early."""

_NO_PHASES: Mapping[str, float] = {}  # one for all: an idle connection has none of these


class TimeLimits:
    """
    The deadlines of a connection, and what happens when one passes.  The connection creates it.

    Args:
        connection: The connection.

    Attributes:
        idle_since: The moment since which the server waits for the client; infinite while it does not.
        message_since: The moment since which a message is coming; infinite while none is.
    """

    __slots__ = ("_connection", "_others", "_timer", "_wakes_at", "idle_since", "message_since")

    def __init__(self, connection: SMTPServer) -> None:
        self._connection = connection
        self.idle_since: float = inf
        self.message_since: float = inf
        self._others = _NO_PHASES  # the deadlines of the other phases
        self._wakes_at = inf
        self._timer: IDelayedCall | None = None  # if it is woken by a timer of its own, and not by a shared one

    def await_client(self) -> None:
        """Start the clock of an idle client: the connection is open."""
        self.idle_since = now = self._connection.clock.seconds()
        self._wake_by(now + _limit(self._connection.factory.read_timeout))

    def message_begins(self) -> None:
        """Start the clock of a message."""
        self.message_since = now = self._connection.clock.seconds()
        self._wake_by(now + _limit(self._connection.factory.message_timeout))

    def set(self, phase: str, seconds: float, last: bool = False) -> None:
        """
        Limit a phase other than "idle" and "message", which begins now or goes on.

        Args:
            phase: Its name.
            seconds: From now; without limit if it is 0 or less.
            last: True if it ends all others.
        """
        if last:
            self.idle_since = self.message_since = inf
            self._others = _NO_PHASES
        if seconds > 0:
            deadline = self._connection.clock.seconds() + seconds
            self._others = {**self._others, phase: deadline}
            if deadline < self._wakes_at:
                self._wake_by(deadline)

    def clear(self, phase: str) -> None:
        """
        End a phase.

        Args:
            phase: Its name.
        """
        if phase == "idle":
            self.idle_since = inf
        elif phase == "message":
            self.message_since = inf
        elif phase in self._others:
            self._others = {name: deadline for name, deadline in self._others.items() if name != phase}

    def running(self, phase: str) -> bool:
        """
        Return whether a phase has a deadline.

        Args:
            phase: Its name.

        Returns:
            False if it has ended or has no limit.
        """
        if phase == "idle":
            return self.idle_since < inf
        return self.message_since < inf if phase == "message" else phase in self._others

    def stop(self) -> None:
        """End every phase, and the timer: the connection is over."""
        self._others = _NO_PHASES
        self._sleep_on()

    def wake(self) -> None:
        """Handle the phases whose deadline has passed, and wait for the next."""
        self._timer, self._wakes_at = None, inf
        now = self._connection.clock.seconds() + ROUNDING
        for phase, deadline in self._deadlines():
            if deadline <= now and self.running(phase):  # one that has passed may end others
                self.clear(phase)
                self._expired(phase)
        self._wake_by(min((deadline for _, deadline in self._deadlines()), default=inf))

    def _deadlines(self) -> list[tuple[str, float]]:
        """Return the deadline of each phase that has one.  If the server works meanwhile, that is the earliest."""
        deadlines = list(self._others.items())
        connection, now = self._connection, self._connection.clock.seconds()
        if connection.dialog.link is not CLOSED:
            if connection.paused:
                self.idle_since = inf  # it is the program that waits; what the client has sent is not read
            deadlines.append(("idle", min(self.idle_since, now) + _limit(connection.factory.read_timeout)))
            if self.message_since < inf:
                deadlines.append(("message", self.message_since + _limit(connection.factory.message_timeout)))
        return deadlines

    def _expired(self, phase: str) -> None:
        connection = self._connection
        if phase in ("idle", "write") and handshake_failed(connection, "it was not complete in time"):
            connection.abort()
        elif phase == "idle":
            connection.dialog.say_goodbye(replies.IDLE_421)
        elif phase == "message":
            connection.dialog.say_goodbye(replies.MESSAGE_TIMEOUT_421)
        elif phase == "greeting":
            assert connection.opening is not None  # the first octets end both
            connection.opening.greet()
        elif phase == "reply":
            connection.send_output()
        elif phase == "answer":
            text = "session={session} the client sends no more, and the backend does not answer: aborting"
            log.info(text, session=connection.dialog.connection.session_id)
            connection.abort()
        else:
            text = "session={session} the peer does not read: aborting"
            log.info(text, session=connection.dialog.connection.session_id)
            connection.abort()

    def _wake_by(self, deadline: float) -> None:
        """Wake at a deadline, if that is earlier than the one so far."""
        if deadline >= self._wakes_at:
            return
        self._sleep_on()
        self._wakes_at = deadline
        timers = self._connection.factory.timers
        second, now = int(deadline), timers.clock.seconds()
        if second > now:
            timers.add(self, second)
        else:
            self._timer = timers.clock.callLater(max(0.0, deadline - now), self.wake)

    def _sleep_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._wakes_at < inf:
            self._connection.factory.timers.remove(self, int(self._wakes_at))
        self._wakes_at = inf


def _limit(timeout: float) -> float:
    """Return a time-out, of which 0 means that there is none."""
    return timeout if timeout > 0 else inf
