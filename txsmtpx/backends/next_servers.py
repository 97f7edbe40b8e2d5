"""The next servers of a relay: which of them a message goes to."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.logger import Logger

from txsmtpx.backends import next_reply
from txsmtpx.backends.next_reply import shortened
from txsmtpx.backends.preemption import Preemptible, Preemption
from txsmtpx.errors import NotOffered, ProtocolError, SMTPError, TokenFailed
from txsmtpx.interfaces import Clock, Endpoint
from txsmtpx.wire.capacity import PoolBusy
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.pool import SMTPPool
from txsmtpx.wire.target import target
from txsmtpx.wire.timeouts import Timeouts

log = Logger(__name__)

DOWN = 30.0
"""Seconds for which a server that could not be used is tried last."""

SILENCE = 1.0
"""Seconds in which the log has one line for the failures of a server, however many clients meet them."""

TIMEOUTS = Timeouts(ready=90, connect=10, greeting=30, command=30, mail=60, rcpt=120)
"""
Time limits for next servers, by default.  They are shorter than those of RFC 5321: the client waits for the answer to
RCPT, for five minutes (RFC 5321 §4.5.3.2.3), in which the relay connects and sends MAIL and RCPT; and there may be
other next servers to try.
"""

UNREACHABLE = (ConnectError, ConnectionClosed, DNSLookupError, ProtocolError)
"""Errors of a next server, or of the network, without a reply."""


def check(reactor: Clock, endpoints: Sequence[Endpoint]) -> None:
    """
    Check the endpoints of a relay.

    Args:
        reactor: For endpoint strings.
        endpoints: The endpoints or their strings.

    Raises:
        ValueError: There is no endpoint, or one is wrong.
        TypeError: One is neither an endpoint nor a string nor (host, port).
    """
    if not endpoints:
        raise ValueError("relay needs an endpoint: relay:tcp:HOST:PORT")
    for endpoint in endpoints:
        target(reactor, endpoint)


class NextServers:
    """
    A pool of connections to each next server.  RelayBackend creates it.

    Attributes:
        wait: Seconds that a client waits for a connection while all are in use; 0 for ever.

    Args:
        clock: The reactor.
        pools: The pools.
        wait: See the attribute.
    """

    def __init__(self, clock: Clock, pools: Sequence[SMTPPool], wait: float) -> None:
        self.wait = wait
        self._clock = clock
        self._pools = list(pools)
        self._down: dict[SMTPPool, float] = {}
        self._silent: dict[SMTPPool, float] = {}
        self._preemption = Preemption(clock, pools)

    def __len__(self) -> int:
        return len(self._pools)

    async def acquire(self, holder: Preemptible, session_id: str) -> tuple[SMTPPool, SMTPClient]:
        """
        Get a connection to one of the servers.

        The servers take turns.  Those whose connections are all in use come later, those that are down come last.

        Args:
            holder: The session that the connection is for; it may be asked to give the connection back.
            session_id: The session, for the log.

        Returns:
            The pool and the connection.

        Raises:
            SMTPError: 451 4.4.1 if no server can be reached, 451 4.3.2 if all connections are in use.
        """
        self._pools.append(self._pools.pop(0))
        now = self._clock.seconds()
        busy: PoolBusy | None = None
        for pool in sorted(self._pools, key=lambda pool: (self._down.get(pool, 0.0) > now, pool.busy)):
            if busy is not None and pool.busy:
                continue  # the client has waited long enough
            try:
                client = await pool.acquire(self.wait)
            except CancelledError:
                raise
            except PoolBusy as error:
                busy = error
            except Exception as error:  # of any class: another server may be usable
                if now >= self._silent.get(pool, 0.0):
                    self._silent[pool] = now + SILENCE
                    self._log_failure(pool, error, session_id)
                self._mark_down(pool)
            else:
                self._down.pop(pool, None)
                self._preemption.add(holder, pool)
                return pool, client
        if busy is None:
            raise SMTPError.from_reply(next_reply.NO_NEXT_SERVER_451)
        text = "session={session} all connections to the next server are in use: {error}"
        log.warn(text, session=session_id, error=busy)
        raise SMTPError.from_reply(next_reply.NEXT_BUSY_451)

    def release(self, holder: Preemptible, pool: SMTPPool, client: SMTPClient) -> None:
        """
        Give a connection back.  It is reset before it is used again.

        Args:
            holder: The session that has held it.
            pool: The pool that it is of.
            client: The connection.
        """
        self._preemption.remove(holder)
        pool.release(client)

    def note_421(self, pool: SMTPPool, client: SMTPClient, error: SMTPError) -> None:
        """
        Note a 421: the server accepts fewer connections, or is down.

        Args:
            pool: The pool that the connection is of.
            client: The connection.
            error: The 421.
        """
        if not pool.note_421(client, error):
            self._mark_down(pool)

    def _mark_down(self, pool: SMTPPool) -> None:
        self._down[pool] = self._clock.seconds() + DOWN

    def _log_failure(self, pool: SMTPPool, error: Exception, session_id: str) -> None:
        if isinstance(error, SMTPError):
            text = "session={session} the next server {server} rejects the connection: {error}"
        elif isinstance(error, TokenFailed):
            text = "session={session} the login to the next server {server} has no access token: {error}"
        else:
            text = "session={session} the next server {server} cannot be reached: {error}"
        if isinstance(error, (SMTPError, NotOffered, TokenFailed, *UNREACHABLE)):
            log.warn(text, session=session_id, server=pool.server, error=shortened(error))
        else:  # an endpoint of a third party, or a defect
            log.failure(text, session=session_id, server=pool.server, error=error)
