"""
How many connections a server accepts, as its rejections show.

A server may accept fewer connections than a pool may have.  It then rejects a connection, for example by 421 (RFC 5321
§3.8).  If other connections are established or being opened, the limit is lowered to their number.  After `GROW_AFTER`
seconds it is raised by one.  If there is no other connection, the caller gets the error; after a 421, no connection is
opened for a while.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.dialog.fields import printable
from txsmtpx.wire.capacity import Capacity, PoolBusy, Ticket, paused
from txsmtpx.wire.too_many_connections import is_421, may_be_too_many

log = Logger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds: the longest pause after a server has answered 421 repeatedly."""

GROW_AFTER = 60.0
"""Seconds after which one more connection is tried than the server has accepted."""

STILL_COUNTED = 1.0
"""Seconds for which a server may still count a connection that was closed."""


class ServerLimit:
    """
    The limit of one server, and the pauses that it asks for.  `txsmtpx.SMTPPool` creates it.

    Args:
        reactor: Measures time.
        capacity: Has the limit of the pool, which is lowered and raised.
    """

    def __init__(self, reactor: IReactorTime, capacity: Capacity) -> None:
        self._reactor = reactor
        self._capacity = capacity
        self._pause = 0.0
        self._not_before = 0.0
        self._grow_at = 0.0
        self._closed = -STILL_COUNTED  # when a connection was closed last

    async def pause(self, ticket: Ticket) -> None:
        """
        Wait until another connection may be opened.

        Args:
            ticket: The position of the caller, with its time limit.

        Raises:
            PoolBusy: The time of the caller ends before.
        """
        wait = self._not_before - self._reactor.seconds()
        if wait > 0:
            if self._not_before > ticket.until:
                raise PoolBusy(ticket.seconds)
            await paused(self._reactor, wait)

    def grow(self) -> None:
        """Raise the limit by one, if it is time."""
        now = self._reactor.seconds()
        if self._capacity.limit < self._capacity.size and now >= self._grow_at:
            self._grow_at = now + GROW_AFTER
            self._capacity.resize(self._capacity.limit + 1)

    def shrink(self, to: int, why: Exception) -> None:
        """
        Lower the limit.

        Args:
            to: The number of connections that the server accepts.
            why: The rejection, for the log.
        """
        if to < self._capacity.limit:
            log.info("the server accepts no more than {number} connections: {why}", number=to, why=printable(str(why)))
            self._capacity.resize(to)
        self._grow_at = self._reactor.seconds() + GROW_AFTER

    def rejected(self, error: Exception, others: int) -> bool:
        """
        Note the failure of a new connection.

        Args:
            error: The failure.
            others: Connections that are established or being opened.

        Returns:
            True if the caller is to wait again.
        """
        if others and may_be_too_many(error):
            self.shrink(others, error)
            return True
        self.pause_after(error)
        if others:
            return False
        if is_421(error) and self._reactor.seconds() < self._closed + STILL_COUNTED:
            return True  # and try again after the pause
        self._capacity.fail_refused()
        self._capacity.resize(self._capacity.size)  # the server has not shown how many connections it accepts
        return False

    def note_421(self, error: Exception, messages: int, others: int) -> bool:
        """
        Note an error of a transaction.  421 is about the connection, not about the message.

        Args:
            error: The error, of any class.
            messages: Messages that the server has accepted on that connection.
            others: Other connections that are established or being opened.

        Returns:
            True if another connection may be used for the message.
        """
        if not is_421(error):
            return False
        if messages:
            return True  # the server accepts no more messages on this connection
        if others:
            self.shrink(others, error)
        return bool(others)

    def pause_after(self, error: Exception) -> None:
        """
        Open no connection for a while after a 421.

        Args:
            error: Any error; all but 421 are ignored.
        """
        now = self._reactor.seconds()
        if is_421(error) and now >= self._not_before:  # one pause for all callers
            self._pause = min(self._pause * 2 or 1.0, LONGEST_PAUSE)
            self._not_before = now + self._pause

    def accepted(self) -> None:
        """Note that a connection was of use: the next pause is short again."""
        self._pause = 0.0

    def release(self) -> None:
        """Note that a connection is not in use any more, so that another may be opened or reused."""
        self.grow()
        self._capacity.release()

    def closed(self) -> None:
        """Note that a connection was closed just now."""
        self._closed = self._reactor.seconds()
