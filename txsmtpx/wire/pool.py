"""
Connections that are kept: `SMTPPool`.

Theory of operation.  A `Capacity` counts the connections that are being opened, in use, or being closed.  A caller
waits for the capacity.  Then it gets a kept connection, which must have answered RSET, or a new one.

A server may accept fewer connections than ``size``.  It then rejects a connection, for example by 421 (RFC 5321 §3.8).
If other connections are established or being opened, the pool lowers its limit, and the caller waits again.  Once a
minute the pool raises the limit by one.  If there is no other connection, the caller gets the error; after a 421, the
pool opens no connection for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txsmtpx.dialog.addressing import check_message
from txsmtpx.dialog.demands import EightBit, check_eight_bit
from txsmtpx.dialog.fields import printable
from txsmtpx.dialog.sending import Result
from txsmtpx.dialog.shares import repeatable
from txsmtpx.errors import SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.wire.capacity import Capacity, PoolBusy, Ticket, paused
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.connect import connect_with, target
from txsmtpx.wire.description import name_of
from txsmtpx.wire.too_many_connections import is_421, may_be_too_many

log = Logger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds: the longest pause after a server has answered 421 repeatedly."""

GROW_AFTER = 60.0
"""Seconds after which one more connection is tried than the server has accepted."""

STILL_COUNTED = 1.0
"""Seconds for which a server may still count a connection that was closed."""

PROBE = 10.0
"""Seconds that a kept connection has to answer RSET.  If it is silent, it is aborted; no message is lost."""


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number, not {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} is a number from 0, not {value!r}")


class SMTPPool(Service):
    """
    At most so many connections to one server, for as many messages as there are.

    A kept connection is used again only after an RSET has been answered on it; so a server that has hung
    up meanwhile is noticed before anything is sent, and nothing is ever sent twice.

    Attributes:
        settings: The parameters of each connection; to be set before the first is opened.
        server: The endpoint, for the log: its string, how it describes itself, or the name of its class.
        queue_changed: Called when the number of callers that wait for a connection has changed.

    Args:
        endpoint: See `txsmtpx.connect`, as for ``connecting``.
        size: Connections at a time; fewer if the server accepts fewer.
        max_messages: That a connection sends before it is closed, 0 for any number.
        idle: Seconds that an unused connection is kept.
        wait: Seconds that a message waits for a connection while all are in use, 0 for ever.

    Raises:
        ValueError: ``size`` is less than 1, or another value cannot be used.
        TypeError: A value has the wrong type, or there is no such parameter.
    """

    def __init__(
        self,
        endpoint: Any,
        *,
        size: int = 10,
        max_messages: int = 100,
        idle: float = 60,
        wait: float = 600,
        reactor: Any = None,
        **connecting: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        for name, value in (("max_messages", max_messages), ("idle", idle), ("wait", wait)):
            _check_number(name, value)
        self._endpoint = endpoint
        self.server = name_of(endpoint)
        self._max_messages = max_messages
        self._idle = idle
        self._wait = wait
        self._reactor = reactor
        self.settings = ClientSettings(**connecting)
        self.queue_changed: Callable[[], object] = lambda: None
        self._places = Capacity(reactor, size, lambda: self.queue_changed())
        self.size = size
        self._opening = 0
        self._kept: list[SMTPClient] = []
        self._timers: dict[SMTPClient, IDelayedCall] = {}
        self._sent: dict[SMTPClient, int] = {}
        self._working: set[Deferred[Any]] = set()
        self._pause = 0.0
        self._not_before = 0.0
        self._grow_at = 0.0
        self._left = -STILL_COUNTED
        self._stopping = False

    @property
    def settings(self) -> ClientSettings:
        """The parameters of each connection; to be set before the first is opened."""
        return self._settings

    @settings.setter
    def settings(self, settings: ClientSettings) -> None:
        settings.tls_mode(target(self._reactor, self._endpoint).tls)  # which raise an error now if they are wrong
        self._settings = settings

    @property
    def size(self) -> int:
        """Connections at a time.  To be set before the first is opened."""
        return self._places.size

    @size.setter
    def size(self, size: int) -> None:
        _check_number("size", size)
        if size < 1:
            raise ValueError(f"size is at least 1, not {size}")
        self._places.size = size
        self._places.resize(size)

    @property
    def busy(self) -> bool:
        """True if all connections are in use, so that another caller has to wait."""
        return not self._places.tokens

    @property
    def waiting(self) -> int:
        """Callers that wait because all connections are in use."""
        return self._places.waiting

    def send(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None = None,
        *,
        eight_bit: EightBit | None = None,
    ) -> Deferred[Result]:
        """
        One message (`SMTPClient.send`).

        Raises:
            PoolBusy: All connections were in use for too long.
        """
        if eight_bit is not None:
            check_eight_bit(eight_bit)
        return self._track(self._send(sender, recipients, body, options, eight_bit))

    async def _send(
        self, sender: Any, recipients: Any, body: Any, options: MailOptions | None, eight_bit: EightBit | None
    ) -> Result:
        sender, pairs = check_message(sender, recipients, body, options)
        from_start = repeatable(body)
        ticket = self._places.ticket(self._wait)
        while True:
            client = await self._acquire(ticket)
            try:
                given = body if from_start is None else from_start()
                return await client.send(sender, pairs, given, options, eight_bit=eight_bit)
            except SMTPError as error:
                another = self.note_421(client, error)
                if not another:
                    self._pause_after(error)
                # Before the server has accepted anything of the message, another connection may be used.
                if not another or from_start is None or error.command not in ("MAIL", "RCPT"):
                    raise
            finally:
                self.release(client)

    def acquire(self, wait: float | None = None) -> Deferred[SMTPClient]:
        """
        A connection that nobody else uses, ready for MAIL; to be given back by `release`.

        Args:
            wait: Seconds to wait while all connections are in use, 0 for ever; None for the ``wait`` of the pool.

        Raises:
            PoolBusy: All connections were in use for too long.
            SMTPError: The server said no to a new one.
        """
        return self._track(self._acquire(self._places.ticket(self._wait if wait is None else wait)))

    async def _acquire(self, ticket: Ticket) -> SMTPClient:
        refusal: Exception | None = None
        while True:
            self._grow()
            await self._places.acquire(ticket, refusal)
            try:
                return await self._reused() or await self._new(ticket)
            except (SMTPError, ConnectError, ConnectionClosed) as error:
                if isinstance(error, PoolBusy) or not self._refused(error):
                    self._places.release()
                    raise
                refusal = error
                self._places.release()
            except BaseException:
                self._places.release()
                raise

    async def _reused(self) -> SMTPClient | None:
        while self._kept:
            client = self._kept.pop()
            self._timers.pop(client).cancel()
            if client.usable:
                try:
                    await client.reset().addTimeout(PROBE, self._reactor)
                except CancelledError:
                    del self._sent[client]
                    raise
                except Exception as error:  # closed or cross meanwhile, and nothing has been sent
                    log.debug("a kept connection was of no use: {error}", error=error)
                    client.give_up()
                else:
                    if client.usable:  # the server may have sent more than the reply
                        return client
            self._sent.pop(client, None)
        return None

    async def _new(self, ticket: Ticket) -> SMTPClient:
        wait = self._not_before - self._reactor.seconds()
        if wait > 0:
            if self._not_before > ticket.until:
                raise PoolBusy(ticket.seconds)
            await paused(self._reactor, wait)
        self._opening += 1
        try:
            client = await connect_with(self.settings, self._endpoint, self._reactor)
        finally:
            self._opening -= 1
        self._sent[client] = 0
        return client

    def _refused(self, error: Exception) -> bool:
        """
        Handle the failure of a new connection.

        Returns:
            Whether the caller is to wait again.
        """
        others = len(self._sent) + self._opening
        if others and may_be_too_many(error):
            self._shrink(others, error)
            return True
        self._pause_after(error)
        if others:
            return False
        if is_421(error) and self._reactor.seconds() < self._left + STILL_COUNTED:
            return True  # and try again after the pause
        self._places.fail_refused()
        self._places.resize(self._places.size)  # the server has not shown how many connections it accepts
        return False

    def _shrink(self, to: int, why: Exception) -> None:
        if to < self._places.limit:
            log.info("the server accepts no more than {number} connections: {why}", number=to, why=printable(str(why)))
            self._places.resize(to)
        self._grow_at = self._reactor.seconds() + GROW_AFTER

    def _grow(self) -> None:
        """Raise the limit by one, if it is time."""
        now = self._reactor.seconds()
        if self._places.limit < self._places.size and now >= self._grow_at:
            self._grow_at = now + GROW_AFTER
            self._places.resize(self._places.limit + 1)

    def note_421(self, client: SMTPClient, error: Exception) -> bool:
        """
        Note an error of a transaction.  421 is about the connection, not about the message.

        Args:
            client: The connection, which the caller is to give back by `release`.
            error: The error, of any class.

        Returns:
            Whether another connection may be used for the message.
        """
        if not is_421(error):
            return False
        if self._sent.get(client):
            return True  # the server has accepted messages on this connection, and accepts no more
        others = len(self._sent) - 1 + self._opening
        if others:
            self._shrink(others, error)
        return bool(others)

    def release(self, client: SMTPClient) -> None:
        """Give back a connection; where it can still be used it is kept for a while."""
        self._sent[client] += 1
        worn = self._max_messages and self._sent[client] >= self._max_messages
        if client.usable:
            self._pause = 0.0
        if client.usable and not worn and not client.spent and not self._stopping:
            self._kept.append(client)
            self._timers[client] = self._reactor.callLater(self._idle, self._forget, client)
            self._given_back()
        else:
            del self._sent[client]
            self._leave(client).addBoth(lambda _: self._given_back())  # until then it counts for the server

    def _given_back(self) -> None:
        self._grow()
        self._places.release()

    def startService(self) -> None:
        """Nothing is connected before it is needed."""
        Service.startService(self)
        self._stopping = False

    def stopService(self) -> Deferred[None]:
        """Let what is under way finish, close what is kept; fires when all is over."""
        Service.stopService(self)
        self._stopping = True
        kept, self._kept = self._kept, []
        for client in kept:
            self._timers.pop(client).cancel()
            self._sent.pop(client, None)
            self._leave(client)
        if not self._working:
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return DeferredList(list(self._working), consumeErrors=True).addCallback(lambda _: self.stopService())

    def _track(self, coroutine: Any) -> Deferred[Any]:
        work = Deferred.fromCoroutine(coroutine)
        over: Deferred[None] = Deferred(lambda _: work.cancel())
        self._working.add(over)

        def ended(result: Any) -> Any:
            self._working.discard(over)
            if not over.called:
                over.callback(None)
            return result

        return work.addBoth(ended)

    def _forget(self, client: SMTPClient) -> None:
        """It has not been used for long."""
        self._kept.remove(client)
        del self._timers[client], self._sent[client]
        self._leave(client)

    def _leave(self, client: SMTPClient) -> Deferred[None]:
        over: Deferred[None] = Deferred()
        self._working.add(over)

        def left(result: Any) -> None:
            self._left = self._reactor.seconds()
            self._working.discard(over)
            over.callback(None)

        return client.quit().addBoth(left)

    def _pause_after(self, error: Exception) -> None:
        """Open no connection for a while after a 421 (RFC 5321 §3.8)."""
        now = self._reactor.seconds()
        if is_421(error) and now >= self._not_before:  # one pause for them all
            self._pause = min(self._pause * 2 or 1.0, LONGEST_PAUSE)
            self._not_before = now + self._pause
