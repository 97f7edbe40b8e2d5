"""A filter that sends each message to clamd, the daemon of ClamAV, and rejects viruses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txsmtpx.arguments import checked
from txsmtpx.content.header import Header
from txsmtpx.filters.clamd_stream import (
    END,
    INSTREAM,
    MAX_ANSWER,
    VERSION,
    ClamdError,
    StreamTooLarge,
    framed,
    text_of,
    virus_in,
)
from txsmtpx.filters.daemon_connection import DaemonConnection
from txsmtpx.filters.seconds import check_seconds
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Accept,
    ClientEndpoint,
    Connection,
    Discard,
    Quarantine,
    Reactor,
    Verdict,
    clock_of,
)
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.service_endpoint import service_endpoint
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

T = TypeVar("T")

ENDPOINT = "unix:/run/clamav/clamd.ctl"
"""The default endpoint: clamd's own in Debian."""

MAX_OCTETS = 25 * 1024 * 1024
"""Octets of a message that is scanned, by default.  clamd's own limit, StreamMaxLength, is 100 MB by default."""


TOO_LARGE_552 = Reply(552, (5, 3, 4), "Message too large to be scanned for viruses")
"""To a message that is too large to be scanned, if such messages are rejected."""

MAX_NAME = 100
"""Characters of the name of a virus in a reply."""


def virus_550(virus: str) -> Reply:
    """
    Return the reply to a message with a virus.

    Args:
        virus: The name of the virus.

    Returns:
        The reply.
    """
    return Reply(550, (5, 7, 1), f"Message rejected, since it has a virus: {virus[:MAX_NAME]}")


@dataclass(frozen=True)
class VirusScan:
    """
    The result of clamd for a message.

    Attributes:
        virus: The name of the virus; ``""`` if clamd has found none.
        scanned: False if the message was too large to be scanned.

    Example:
        >>> VirusScan("Eicar-Test-Signature").facts()
        {'virus': 'Eicar-Test-Signature'}
    """

    virus: str
    scanned: bool = True

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return the facts for the log.

        Returns:
            The name of the virus; "none" without one, and "not scanned" for a message that is too large.
        """
        return {"virus": self.virus or ("none" if self.scanned else "not scanned")}


class Clamd:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which reject messages with viruses.

    clamd reads each message while it is received.  If clamd cannot be reached, or answers with an error, the filter
    fails.

    Args:
        endpoint: The endpoint of clamd, or its string.
        found: What becomes of a message with a virus.  "reject": the client gets 550 5.7.1.  "discard": the client is
            told that it was accepted.  "quarantine": it is accepted with a `txsmtpx.Quarantine`.
        max_octets: Octets of a message that is scanned, not more than StreamMaxLength of clamd.conf.
        too_large: What becomes of a larger message.  "accept": it is accepted without a scan.  "reject": the client
            gets 552 5.3.4.
        timeout: Seconds for the connection, and for the answer after the end of the message.
        reactor: The reactor.  None: the global one.

    Attributes:
        holds: True for "quarantine", since the backend must know the result before the message.
        call_timeout: Seconds for each call of a filter; a little more than ``timeout``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), Clamd("tcp:127.0.0.1:3310", reactor=reactor))
    """

    @checked
    def __init__(
        self,
        endpoint: ClientEndpoint | str = ENDPOINT,
        *,
        found: Literal["reject", "discard", "quarantine"] = "reject",
        max_octets: int = MAX_OCTETS,
        too_large: Literal["accept", "reject"] = "accept",
        timeout: float = 120,
        reactor: Reactor | None = None,
    ) -> None:
        if max_octets < 1:
            raise ValueError(f"max_octets is a number of octets from 1, not {max_octets!r}")
        check_seconds("timeout", timeout)
        clock = clock_of(reactor)
        self.found = found
        self.holds: bool = found == "quarantine"
        self.call_timeout: float = timeout + 5
        self.max_octets = max_octets
        self.too_large = too_large
        self._endpoint = service_endpoint(clock, endpoint)
        self._clock = cast(IReactorTime, clock)
        self._timeout = timeout

    def __call__(self, connection: Connection) -> ClamdFilter:
        """Return the filter for a connection."""
        return ClamdFilter(connection, self)

    async def check(self) -> str:
        """
        Ask clamd for its version, for ``twistd smtpx --check``.

        Returns:
            The versions of clamd and of its database.

        Raises:
            ClamdError: clamd does not answer.
        """
        daemon = await self.connect()
        try:
            return await self.ask(daemon, VERSION)
        finally:
            daemon.abort()

    async def connect(self) -> ClamdConnection:
        """
        Connect to clamd.

        Returns:
            The connection.

        Raises:
            ClamdError: clamd cannot be reached.
        """
        connecting = self._endpoint.connect(UnloggedFactory.forProtocol(ClamdConnection))
        try:
            return cast(ClamdConnection, await self._within(connecting))
        except (ClamdError, CancelledError):
            raise
        except Exception as error:  # an endpoint raises exceptions of many classes
            raise ClamdError(f"clamd cannot be reached: {error}") from error

    async def ask(self, daemon: ClamdConnection, octets: bytes) -> str:
        """
        Send the last octets of a command, and wait for the answer.

        Args:
            daemon: The connection.
            octets: The octets.

        Returns:
            The answer.

        Raises:
            ClamdError: There is none.
        """
        daemon.send(octets)
        try:
            return text_of(await self._within(daemon.answer()))
        except ConnectionLost as error:
            raise ClamdError("clamd has closed the connection without an answer") from error

    def _within(self, waiting: Deferred[T]) -> Deferred[T]:
        def silent(_: object, seconds: float) -> NoReturn:
            raise ClamdError(f"clamd has not answered within {seconds:g} seconds")

        return waiting.addTimeout(self._timeout, self._clock, silent)


class ClamdConnection(DaemonConnection):
    """A connection to clamd, for one command."""

    MAX_ANSWER = MAX_ANSWER

    def is_complete(self, received: bytes) -> bool:
        """
        Return whether an answer is complete.

        Args:
            received: The octets so far.

        Returns:
            True if it has its NUL.
        """
        return b"\0" in received


class ClamdFilter(Filter):
    """
    The filter of one connection.  `Clamd` creates it.

    Args:
        connection: The connection of the client.
        clamd: The maker, with its settings.
    """

    def __init__(self, connection: Connection, clamd: Clamd) -> None:
        super().__init__(connection)
        self._clamd = clamd
        self._daemon: ClamdConnection | None = None
        self._octets = 0

    async def header(self, header: Header) -> None:
        """
        Connect to clamd.

        Args:
            header: The header.
        """
        self._daemon = await self._clamd.connect()
        self._daemon.send(INSTREAM)

    def chunk(self, octets: bytes) -> Deferred[None] | None:
        """
        Send octets to clamd.

        Args:
            octets: The octets.

        Returns:
            None, or a Deferred that fires when clamd can take more.
        """
        self._octets += len(octets)
        if self._octets > self._clamd.max_octets:
            self.close()
        return None if self._daemon is None else self._daemon.send(framed(octets))

    async def end(self, size: int) -> Verdict:
        """
        Wait for the answer of clamd.

        Args:
            size: The octets of the message.

        Returns:
            The verdict.
        """
        scan = await self._scan()
        if not scan.scanned and self._clamd.too_large == "reject":
            self.connection.results.add([scan])
            return TOO_LARGE_552
        if scan.virus and self._clamd.found == "quarantine":
            return Accept(changes=[Quarantine(f"virus {scan.virus}")], results=[scan])
        if not scan.virus:
            return Accept(results=[scan])
        self.connection.results.add([scan])
        if self._clamd.found == "discard":
            return Discard()
        return virus_550(scan.virus)

    async def _scan(self) -> VirusScan:
        if self._daemon is None:
            return VirusScan("", scanned=False)
        early = self._daemon.has_answered
        try:
            virus = virus_in(await self._clamd.ask(self._daemon, END))
        except StreamTooLarge as error:
            log.warn("session={session} not scanned: {error}", session=self.connection.session_id, error=error)
            return VirusScan("", scanned=False)
        if early and not virus:
            raise ClamdError("clamd has answered before the end of the message")
        return VirusScan(virus)

    def reset(self) -> None:
        """Forget the message."""
        self.close()
        self._octets = 0

    def close(self) -> None:
        """Abort the connection to clamd."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.abort()
