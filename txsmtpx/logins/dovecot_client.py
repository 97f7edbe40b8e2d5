"""Dovecot's authentication server, over one connection that is opened again after it was lost."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Elapsed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.interfaces import ClientEndpoint, Clock
from txsmtpx.logins.dovecot_connection import DovecotConnection
from txsmtpx.logins.dovecot_lines import DovecotError, OfferedMechanism
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

CONNECT_TIMEOUT = 10.0
"""The most seconds for the connection and the handshake, unless an answer has fewer."""

RETRY = 1.0
"""Seconds from a failed attempt to connect to the next one.  Until then, all logins fail at once."""

STOPS = "the server stops"
"""Why there is no connection after `DovecotClient.close`."""

ASSUMED: Sequence[OfferedMechanism] = (OfferedMechanism("PLAIN"), OfferedMechanism("LOGIN"))
"""
The mechanisms before the first handshake.  A server that offered none would lose its clients for good; a client that
uses one of these gets a temporary failure, or is accepted.  PLAIN is the default of Dovecot 2.3, both that of 2.4.
"""


class DovecotClient:
    """
    The client of one Dovecot.  `txsmtpx.logins.dovecot.DovecotChecker` creates it.

    Args:
        endpoint: The endpoint of Dovecot's socket.
        name: Its name in the log.
        timeout: Seconds for each answer.
        clock: The clock.

    Attributes:
        offered: The mechanisms that Dovecot offered last; `ASSUMED` before that.
    """

    def __init__(self, endpoint: ClientEndpoint, name: str, timeout: float, clock: Clock) -> None:
        self.offered: Sequence[OfferedMechanism] = ASSUMED
        self._endpoint = endpoint
        self._name = name
        self._timeout = timeout
        self._patience = min(CONNECT_TIMEOUT, timeout)
        self._clock = clock
        self._connection: DovecotConnection | None = None
        self._attempt: Deferred[None] | None = None
        self._waiting: list[Deferred[DovecotConnection]] = []
        self._failure = ""
        self._retry_at = 0.0

    def connect(self) -> None:
        """Connect, if there is no connection, and no attempt has failed just now."""
        if self._connection is None and self._attempt is None and not self._backs_off:
            self._attempt = Deferred.fromCoroutine(self._connect())
            attempt = self._attempt.addTimeout(self._patience, cast(IReactorTime, self._clock))
            attempt.addCallbacks(self._connected, self._failed)

    @property
    def _backs_off(self) -> bool:
        return bool(self._failure) and self._clock.seconds() < self._retry_at

    def usable(self) -> Deferred[DovecotConnection]:
        """
        Return a connection that can be used.

        Returns:
            A Deferred of it.  It fails with `DovecotError`.
        """
        found: Deferred[DovecotConnection] = Deferred()
        self._waiting.append(found)
        self.connect()
        if self._connection is not None:
            self._serve()
        elif self._attempt is None:
            self._fail(self._failure)
        return found

    async def _connect(self) -> None:
        make = functools.partial(DovecotConnection, self._clock, self._timeout, self._ended)
        connection = cast(DovecotConnection, await self._endpoint.connect(UnloggedFactory.forProtocol(make)))
        try:
            await connection.ready
        finally:
            if not connection.usable:
                connection.abort("the handshake has failed")
        self._connection = connection

    def _connected(self, _: None) -> None:
        assert self._connection is not None
        self._attempt = None
        offered = tuple(self._connection.mechanisms.values())
        if offered != self.offered:
            self.offered = offered
            names = " ".join(each.name for each in offered)
            log.info("{name} offers {mechanisms}", name=self._name, mechanisms=names)
        if self._failure:
            log.info("{name} is used again", name=self._name)
        self._failure = ""
        self._serve()

    def _serve(self) -> None:
        """Give the connection to each that waits, while it can be used: the first may end it."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if each.called:  # or cancelled
                continue
            if self._connection is not None:
                each.callback(self._connection)
            else:
                each.errback(DovecotError("it has closed the connection"))

    def _failed(self, failure: Failure) -> None:
        self._attempt = None
        error = failure.value
        number = getattr(error, "osError", None)
        if isinstance(error, CancelledError):  # by `close`, which is no failure of Dovecot
            self._fail_waiting(STOPS)
        elif isinstance(error, Elapsed):
            self._fail(f"no handshake within {self._patience:g} seconds")
        else:
            self._fail(os.strerror(number) if isinstance(number, int) else str(error) or type(error).__name__)

    def _fail(self, text: str) -> None:
        if not self._backs_off:
            self._retry_at = self._clock.seconds() + RETRY
        if not self._failure:
            log.error("{name} cannot be used: {text}", name=self._name, text=text)
        self._failure = text
        self._fail_waiting(text)

    def _fail_waiting(self, text: str) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.errback(DovecotError(text))

    def _ended(self, reason: str) -> None:
        if self._connection is not None:
            log.warn("{name}: the connection has ended: {reason}", name=self._name, reason=reason)
            self._connection = None

    def close(self) -> None:
        """Close the connection.  The next login opens another one."""
        if self._attempt is not None:
            self._attempt.cancel()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.abort(STOPS)
