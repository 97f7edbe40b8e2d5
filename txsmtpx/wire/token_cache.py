"""
The access token that all connections of a login share.

Theory of operation.  The token is replaced before it expires, when a connection needs it.  The connections that come
meanwhile wait for the same request.  Each of them can be cancelled without the others.  If all are cancelled, the
request is cancelled too, unless it uses a refresh token.  Then the issuer may have replaced the refresh token already,
and the new one would be lost.

If a token cannot be replaced, and is not expired yet, it is used further.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.dialog.failure import own_failure
from txsmtpx.interfaces.per_reactor import PerReactor
from txsmtpx.settling import FAILURES, Eventual, settle
from txsmtpx.wire.oauth2_tokens import OAuth2Tokens

log = Logger(__name__)

EARLY = 300.0
"""Seconds before the end of a token at which it is replaced; half of its lifetime, if that is less."""

PAUSE = 30.0
"""Seconds until a token that could not be replaced, and can be used further, is tried to be replaced again."""

STORE_TIMEOUT = 30.0
"""Seconds that logins wait for `Store`."""

Fetch = Callable[[IReactorTime, OAuth2Tokens, float], Awaitable[OAuth2Tokens]]
"""A function that asks the issuer, with the reactor, the present tokens and the time."""

Store = Callable[[OAuth2Tokens], Eventual[object]]
"""A function that stores tokens."""


class _Renewal:
    """The requests of one reactor, one at a time, and the connections that wait for the present one."""

    def __init__(self) -> None:
        self.begun = False
        self.running: Deferred[None] = succeed(None)
        self.waiting: list[Deferred[str]] = []


class TokenCache:
    """
    The tokens of a login.  `txsmtpx.OAuth2` creates it.

    Args:
        fetch: It asks the issuer.
        tokens: The tokens to begin with.
        store: It gets the tokens after each request; None for nothing.
        now: It returns the time, in seconds since 1970.

    Attributes:
        tokens: The present tokens.
    """

    def __init__(
        self, fetch: Fetch, tokens: OAuth2Tokens, store: Store | None, now: Callable[[], float] = time.time
    ) -> None:
        self.tokens = tokens
        self._fetch = fetch
        self._store = store
        self._now = now
        self._renew_at = tokens.expires - EARLY if tokens.access_token else -math.inf
        self._renewals = PerReactor(_Renewal)

    def token(self, reactor: IReactorTime) -> Deferred[str]:
        """
        Return an access token.

        Args:
            reactor: The reactor of the connection that needs it.

        Returns:
            A Deferred of the token.  It fails with `TokenFailed` if there is none.
        """
        if self._now() < self._renew_at:
            return succeed(self.tokens.access_token)
        renewal = self._renewals.current
        waiting: Deferred[str] = Deferred(lambda cancelled: self._cancelled(renewal, cancelled))
        renewal.waiting.append(waiting)
        if not renewal.begun:
            renewal.begun = True
            running = Deferred.fromCoroutine(self._renew(reactor, renewal))
            if not running.called:
                renewal.running = running
        return waiting

    def reject(self, token: str) -> None:
        """
        Use a token no longer, since a server has rejected it.

        Args:
            token: The token.  If there is another one already, that is used.
        """
        if token == self.tokens.access_token:
            self.tokens = replace(self.tokens, access_token="", expires=0.0)
            self._renew_at = -math.inf

    def _cancelled(self, renewal: _Renewal, waiting: Deferred[str]) -> None:
        if waiting in renewal.waiting:
            renewal.waiting.remove(waiting)
            if not renewal.waiting and self.tokens.refresh_token is None:
                renewal.running.cancel()

    async def _renew(self, reactor: IReactorTime, renewal: _Renewal) -> None:
        failed: BaseException | None = None
        asked = self._now()
        try:
            tokens = await self._fetch(reactor, self.tokens, asked)
            self.tokens = tokens
            await self._stored(reactor, tokens)
            self._renew_at = tokens.expires - min(EARLY, (tokens.expires - asked) / 2)
        except FAILURES as error:
            failed = error
        renewal.begun = False
        waiting, renewal.waiting = renewal.waiting, []
        if failed is not None and self.tokens.access_token and self._now() < self.tokens.expires:
            log.warn("the access token is used until it expires, since there is no other: {error}", error=failed)
            self._renew_at = min(self._now() + PAUSE, self.tokens.expires)
            failed = None
        token = self.tokens.access_token
        for each in waiting:
            if each.called:  # it was cancelled by what another one has called
                continue
            if failed is not None:
                each.errback(own_failure(failed))
            else:
                each.callback(token)

    async def _stored(self, reactor: IReactorTime, tokens: OAuth2Tokens) -> None:
        if self._store is None:
            return
        try:
            stored = settle(self._store(tokens))
            if isinstance(stored, Deferred):
                await stored.addTimeout(STORE_TIMEOUT, reactor)
        except FAILURES as error:  # of the caller's function; the text of some may have a token
            why = error if isinstance(error, OSError) else type(error).__name__
            log.error("the tokens of OAuth 2.0 were not stored: {why}", why=why)
