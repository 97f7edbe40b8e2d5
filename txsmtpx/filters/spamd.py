"""A filter that asks SpamAssassin's daemon about each message."""

from __future__ import annotations

import math
import re
from typing import Literal, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.content.header import Header
from txsmtpx.filters.seconds import check_seconds
from txsmtpx.filters.spamc import Score, SpamcProtocol, SpamdError, check_pong, score_in
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, ClientEndpoint, Connection, FilterFailed, Reactor, Verdict, clock_of
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.service_endpoint import service_endpoint
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

SPAM_550 = Reply(550, (5, 7, 1), "Message rejected as spam")
"""To a message whose score is `reject_at` or more."""

ENDPOINT = "tcp:127.0.0.1:783"
"""The default endpoint of the daemon."""

MAX_OCTETS = 512 * 1024
"""Octets of a message that is checked, by default: spam is small, and a check is slow.  As spamc: --max-size=512000."""


class Spamd:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which mark or reject spam.

    If the daemon cannot be reached, or does not answer, the message is accepted without a mark.

    Args:
        endpoint: The endpoint of the daemon, or its string.
        reject_at: The score from which on a message is rejected, by 550 5.7.1.  None: no message is rejected.
        mark: True adds the fields X-Spam-Flag and X-Spam-Status.
        user: The user whose preferences the daemon applies; ``""`` for none.
        max_octets: Octets of a message that is checked.  A larger one is accepted without a mark.
        timeout: Seconds for the connection, and for the answer after the end of the message.
        unchecked: What becomes of a message if the daemon cannot be reached, or does not answer.  "accept": it is
            accepted without a mark.  "fail": the filter fails, so ``on_failure`` of `txsmtpx.ConfiguredFilter` decides.
        reactor: The reactor.  None: the global one.

    Attributes:
        holds: True if messages are held until the daemon has answered, as marks need it.
        call_timeout: Seconds for each call of a filter; a little more than ``timeout``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``user`` is not a name, or the endpoint is malformed.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), Spamd(reject_at=10, reactor=reactor))
    """

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str = ENDPOINT,
        *,
        reject_at: float | None = None,
        mark: bool = True,
        user: str = "",
        max_octets: int = MAX_OCTETS,
        timeout: float = 60,
        unchecked: Literal["accept", "fail"] = "accept",
        reactor: Reactor | None = None,
    ) -> None:
        clock = clock_of(reactor)
        if user and not re.fullmatch("[!-~]+", user):
            raise ValueError(f"user is a name without spaces, not {user!r}")
        if reject_at is not None and not math.isfinite(reject_at):
            raise ValueError(f"reject_at is a score or None, not {reject_at!r}")
        if max_octets < 0:
            raise ValueError(f"max_octets is a number of octets from 0, not {max_octets!r}")
        check_seconds("timeout", timeout)
        self.endpoint = service_endpoint(clock, endpoint)
        self.reject_at = reject_at
        self.holds = mark
        self.user = user
        self.max_octets = max_octets
        self.timeout = timeout
        self.fails = unchecked == "fail"
        self.call_timeout: float = timeout + 5
        self.clock = clock

    def __call__(self, connection: Connection) -> SpamdFilter:
        """Return the filter for a connection."""
        return SpamdFilter(connection, self)

    async def check(self) -> str:
        """
        Ask the daemon whether it answers, for ``twistd smtpx --check``.

        Returns:
            The sentence that it answers.

        Raises:
            SpamdError: It cannot be reached, or its answer is none of spamd.
        """
        try:
            daemon = await self.connect()
        except Exception as error:  # an endpoint raises exceptions of many classes
            raise SpamdError(f"spamd cannot be reached: {error}") from error
        daemon.send(b"PING SPAMC/1.5\r\n\r\n")
        answer = await daemon.answer().addTimeout(self.timeout, cast(IReactorTime, self.clock))
        check_pong(answer)
        return "it answers"

    async def connect(self) -> SpamcProtocol:
        """
        Connect to the daemon.

        Returns:
            The connection.
        """
        connecting = self.endpoint.connect(UnloggedFactory.forProtocol(SpamcProtocol))
        return cast(SpamcProtocol, await connecting.addTimeout(self.timeout, cast(IReactorTime, self.clock)))


def spamd(
    endpoint: str = ENDPOINT,
    *,
    reject_at: float | None = None,
    mark: bool = True,
    user: str = "",
    max_octets: int = MAX_OCTETS,
    timeout: float = 60,
) -> Spamd:
    """
    Return the maker of ``twistd smtpx --filter spamd``, whose filters fail if the daemon does not answer.

    Args:
        endpoint: As for `Spamd`.
        reject_at: As for `Spamd`.
        mark: As for `Spamd`.
        user: As for `Spamd`.
        max_octets: As for `Spamd`.
        timeout: As for `Spamd`.

    Returns:
        The maker.
    """
    return Spamd(
        endpoint,
        reject_at=reject_at,
        mark=mark,
        user=user,
        max_octets=max_octets,
        timeout=timeout,
        unchecked="fail",
    )


class SpamdFilter(Filter):
    """
    The filter of one connection.  `Spamd` creates it.

    Args:
        connection: The connection of the client.
        spamd: The maker, with its settings.
    """

    def __init__(self, connection: Connection, spamd: Spamd) -> None:
        super().__init__(connection)
        self._spamd = spamd
        self._daemon: SpamcProtocol | None = None
        self._octets = 0

    async def header(self, header: Header) -> None:
        """
        Connect to the daemon.

        Args:
            header: The header.
        """
        assert self.context is not None
        try:
            self._daemon = await self._spamd.connect()
        except CancelledError:  # the client has gone
            raise
        except Exception as error:
            self._unavailable(error)
            return
        user = f"User: {self._spamd.user}\r\n" if self._spamd.user else ""
        self._daemon.send(f"CHECK SPAMC/1.5\r\n{user}\r\n".encode("ascii"))

    def chunk(self, octets: bytes) -> Deferred[None] | None:
        """
        Send octets to the daemon.

        Args:
            octets: The octets.

        Returns:
            None, or a Deferred that fires when the daemon can take more.
        """
        self._octets += len(octets)
        if self._octets > self._spamd.max_octets:
            self.close()
        return None if self._daemon is None else self._daemon.send(octets)

    async def end(self, size: int) -> Verdict:
        """
        Wait for the answer of the daemon.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """
        if self._daemon is None:
            return None
        try:
            answer = self._daemon.answer()
            score = score_in(await answer.addTimeout(self._spamd.timeout, cast(IReactorTime, self._spamd.clock)))
        except CancelledError:
            raise
        except Exception as error:
            self._unavailable(error)
            return None
        assert self.context is not None
        if self._spamd.reject_at is not None and score.score >= self._spamd.reject_at:
            self.context.results.add([score])
            return SPAM_550
        return Accept(_marks(score) if self._spamd.holds else (), results=[score])

    def _unavailable(self, error: Exception) -> None:
        if self._spamd.fails:
            raise FilterFailed(f"spamd does not answer: {error}") from error
        text = "session={session} queue={queue} spamd does not answer: {error}"
        assert self.context is not None
        log.warn(text, session=self.connection.session_id, queue=self.context.queue_id, error=error)
        self.close()

    def reset(self) -> None:
        """End the transaction."""
        self._octets = 0
        self.close()

    def close(self) -> None:
        """Abort the connection to the daemon."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.abort()


def _marks(score: Score) -> list[tuple[str, str]]:
    """Return the header fields, as SpamAssassin writes them."""
    status = f"{'Yes' if score.spam else 'No'}, score={score.score} required={score.threshold}"
    return [("X-Spam-Flag", "YES")] * score.spam + [("X-Spam-Status", status)]
