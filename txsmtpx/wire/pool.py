"""
Connections that are kept: L{SMTPPool}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txsmtpx.dialog.sending import Result
from txsmtpx.errors import RecipientsRefused, SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.connect import connect

log = Logger(__name__)

LONGEST_PAUSE = 60.0
"""Seconds: the most that is waited after a server has said 421 again and again."""


class SMTPPool(Service):
    """
    At most so many connections to one server, for as many messages as there are.

    A kept connection is used again only after an RSET has been answered on it; so a server that has hung
    up meanwhile is noticed before anything is sent, and nothing is ever sent twice.
    """

    def __init__(
        self,
        endpoint: Any,
        *,
        size: int = 10,
        max_messages: int = 100,
        idle: float = 60,
        reactor: Any = None,
        **connecting: Any,
    ) -> None:
        """
        @param endpoint: see L{txsmtpx.connect}, as for C{connecting}.
        @param size: connections at a time.
        @param max_messages: that a connection sends before it is closed, 0 for any number.
        @param idle: seconds that an unused connection is kept.
        """
        if reactor is None:
            from twisted.internet import reactor
        self._endpoint = endpoint
        self._max_messages = max_messages
        self._idle = idle
        self._reactor = reactor
        self._connecting = connecting
        self._places = DeferredSemaphore(size)
        self._kept: list[SMTPClient] = []
        self._timers: dict[SMTPClient, IDelayedCall] = {}
        self._sent: dict[SMTPClient, int] = {}
        self._working: set[Deferred[Any]] = set()
        self._pause = 0.0
        self._not_before = 0.0
        self._stopping = False

    def send(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None = None,
    ) -> Deferred[Result]:
        """One message (L{SMTPClient.send})."""
        return self._track(self._send(sender, recipients, body, options))

    async def _send(self, sender: str, recipients: Any, body: Any, options: MailOptions | None) -> Result:
        client = await self.acquire()
        try:
            return await client.send(sender, recipients, body, options)
        except (SMTPError, RecipientsRefused) as error:
            self._heed(error)
            raise
        finally:
            self.release(client)

    def acquire(self) -> Deferred[SMTPClient]:
        """
        A connection that nobody else uses, ready for MAIL; to be given back by L{release}.

        @raise SMTPError: the server said no to a new one.
        """
        return self._track(self._acquire())

    async def _acquire(self) -> SMTPClient:
        await self._places.acquire()
        try:
            return await self._reused() or await self._new()
        except BaseException:
            self._places.release()
            raise

    async def _reused(self) -> SMTPClient | None:
        while self._kept:
            client = self._kept.pop()
            self._timers.pop(client).cancel()
            if client.usable:
                try:
                    await client.reset()
                except CancelledError:
                    del self._sent[client]
                    raise
                except Exception as error:  # closed or cross meanwhile, and nothing has been sent
                    log.debug("a kept connection was of no use: {error}", error=error)
                    client.give_up()
                else:
                    return client
            self._sent.pop(client, None)
        return None

    async def _new(self) -> SMTPClient:
        wait = self._not_before - self._reactor.seconds()
        if wait > 0:
            await deferLater(self._reactor, wait)
        try:
            client = await connect(self._endpoint, reactor=self._reactor, **self._connecting)
        except SMTPError as error:
            self._heed(error)
            raise
        self._sent[client] = 0
        return client

    def release(self, client: SMTPClient) -> None:
        """Give back a connection; where it can still be used it is kept for a while."""
        self._sent[client] += 1
        worn = self._max_messages and self._sent[client] >= self._max_messages
        if client.usable:
            self._pause = 0.0
        if client.usable and not worn and not client.spent and not self._stopping:
            self._kept.append(client)
            self._timers[client] = self._reactor.callLater(self._idle, self._forget, client)
            self._places.release()
        else:
            del self._sent[client]
            self._leave(client).addBoth(lambda _: self._places.release())  # until then it counts for the server

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
            self._working.discard(over)
            over.callback(None)

        return client.quit().addBoth(left)

    def _heed(self, error: Exception) -> None:
        """421: the server wants to be left alone for a while (RFC 5321 §3.8)."""
        now = self._reactor.seconds()
        if isinstance(error, SMTPError) and error.code == 421 and now >= self._not_before:  # one pause for them all
            self._pause = min(self._pause * 2 or 1.0, LONGEST_PAUSE)
            self._not_before = now + self._pause
