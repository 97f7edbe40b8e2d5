"""A client in memory that sends lines to a server in memory, and the ways to cut its octets into segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Unpack

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx.arguments import checked_except
from txsmtpx.interfaces import BackendLike
from txsmtpx.testing.keywords import InMemoryServerKeywords
from txsmtpx.testing.recording import RecordingBackend
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.server import SMTPServer


class Conversation:
    """
    A client that sends lines to a server in memory.

    Args:
        backend: The backend.  None: a `RecordingBackend`.
        clock: The clock.  None: a new one.
        inside_tls: True as if a TLS handshake had been done.
        settings: The other arguments of `txsmtpx.SMTPServerFactory`.

    Attributes:
        backend: The backend.
        clock: The clock of the server.
        protocol: The `txsmtpx.SMTPServer`.
        transport: Its `StringTransport`.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> client = Conversation(domain="mail.example.org")
        >>> client.ask("HELO client.example.org")
        ['220 mail.example.org ESMTP txsmtpx', '250 mail.example.org']
    """

    @checked_except("backend")  # which the factory checks
    def __init__(
        self,
        backend: BackendLike | None = None,
        *,
        clock: Clock | None = None,
        inside_tls: bool = False,
        **settings: Unpack[InMemoryServerKeywords],
    ) -> None:
        self.backend: RecordingBackend | BackendLike = RecordingBackend() if backend is None else backend
        self.clock: Clock = clock or Clock()
        self.transport: StringTransport = StringTransport()
        self._lost = False
        factory = SMTPServerFactory(self.backend, reactor=self.clock, **settings)
        self.protocol: SMTPServer = factory.buildProtocol(None)
        if inside_tls:
            self.protocol.dialog.tls_started(object())
        self.protocol.makeConnection(self.transport)  # type: ignore[no-untyped-call]

    @property
    def closed(self) -> bool:
        """True after the server has closed the connection."""
        return self.transport.disconnecting

    def send(self, octets: bytes) -> None:
        """
        Send octets in one segment; nothing if the connection is closed.

        Args:
            octets: The octets.
        """
        if not self.closed and not self._lost:
            self.protocol.dataReceived(octets)

    def replies(self) -> list[str]:
        """
        Return the lines that the server has sent since the last call.

        Returns:
            The lines, without their line ends.

        Raises:
            AssertionError: The last line has no line end.
        """
        received: bytes = self.transport.value()
        self.transport.clear()
        if received and not received.endswith(b"\r\n"):
            raise AssertionError(f"a reply without its end: {received!r}")
        return received.decode("utf-8").split("\r\n")[:-1]

    def ask(self, *lines: str) -> list[str]:
        """
        Send lines in one segment.

        Args:
            lines: The lines, without their line ends.

        Returns:
            The lines that the server has sent since the last call.
        """
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.replies()

    def end_sending(self) -> list[str]:
        """
        Shut down the client's sending side: the client sends no more, but reads.

        Returns:
            The lines that the server sends at once.
        """
        self.protocol.readConnectionLost()
        return self.replies()

    def hang_up(self) -> None:
        """
        Close the connection.

        Raises:
            AssertionError: A timer is left.
        """
        if not self._lost:
            self._lost = True
            reason = ConnectionDone() if self.closed else ConnectionLost()
            self.protocol.connectionLost(Failure(reason))
        if self.clock.getDelayedCalls():
            raise AssertionError(f"timers are left: {self.clock.getDelayedCalls()}")


Segments = Callable[[bytes, int], Iterable[bytes]]
"""A function of octets, and of their position in all that the client sends.  It returns the octets in segments."""


def whole(octets: bytes, at: int) -> list[bytes]:
    """
    Return all octets in one segment.

    Args:
        octets: The octets.
        at: Their position.

    Returns:
        The segment.
    """
    return [octets]


def one_by_one(octets: bytes, at: int) -> list[bytes]:
    """
    Return one octet in each segment.

    Args:
        octets: The octets.
        at: Their position.

    Returns:
        The segments.
    """
    return [octets[n : n + 1] for n in range(len(octets))]


def cut_at(*positions: int) -> Segments:
    r"""
    Return a function that cuts at positions.

    Args:
        positions: The positions, in ascending order.

    Returns:
        The function.

    Example:
        >>> cut_at(2, 5)(b"QUIT\r\n", 0)
        [b'QU', b'IT\r', b'\n']
    """

    def cut(octets: bytes, at: int) -> list[bytes]:
        edges = [0, *(place - at for place in positions if 0 < place - at < len(octets)), len(octets)]
        return [octets[start:end] for start, end in pairwise(edges)]

    return cut
