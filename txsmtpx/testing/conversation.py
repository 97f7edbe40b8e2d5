"""
A client that types, to a server in memory; and the ways its octets may be cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx.testing.recording import RecordingBackend
from txsmtpx.wire.factory import SMTPServerFactory


class Conversation:
    """
    A client that types to a server in memory.

    Attributes:
        protocol: The `txsmtpx.SMTPServer`.
        transport: Its `StringTransport`.
        clock: Its time.

    Args:
        backend: A `RecordingBackend` of its own by default.
        inside_tls: As if the handshake were done.
        settings: Of `SMTPServerFactory`.
    """

    def __init__(
        self, backend: Any = None, *, clock: Clock | None = None, inside_tls: bool = False, **settings: Any
    ) -> None:
        self.backend = RecordingBackend() if backend is None else backend
        self.clock = clock or Clock()
        self.transport = StringTransport()
        self._lost = False
        factory = SMTPServerFactory(self.backend, reactor=self.clock, **settings)
        self.protocol = factory.buildProtocol(None)
        if inside_tls:
            self.protocol.dialog.tls_started(object())
        self.protocol.makeConnection(self.transport)  # type: ignore[no-untyped-call]

    @property
    def closed(self) -> bool:
        """Whether the server has hung up."""
        return self.transport.disconnecting

    def send(self, octets: bytes) -> None:
        """One segment; nobody hears it when the connection is gone."""
        if not self.closed and not self._lost:
            self.protocol.dataReceived(octets)

    def replies(self) -> list[str]:
        """The lines that the server has said since this was last asked, without their line ends."""
        said: bytes = self.transport.value()
        self.transport.clear()
        if said and not said.endswith(b"\r\n"):
            raise AssertionError(f"a reply without its end: {said!r}")
        return said.decode("utf-8").split("\r\n")[:-1]

    def ask(self, *lines: str) -> list[str]:
        """Say ``lines`` in one segment; what is answered at once."""
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
        The connection is over.

        Raises:
            AssertionError: Something of it is left.
        """
        if not self._lost:
            self._lost = True
            reason = ConnectionDone() if self.closed else ConnectionLost()
            self.protocol.connectionLost(Failure(reason))
        if self.clock.getDelayedCalls():
            raise AssertionError(f"timers are left: {self.clock.getDelayedCalls()}")


Segments = Callable[[bytes, int], Iterable[bytes]]
"""Takes octets, and their place in all that the client says; gives them in pieces."""


def whole(octets: bytes, at: int) -> list[bytes]:
    """All in one segment."""
    return [octets]


def one_by_one(octets: bytes, at: int) -> list[bytes]:
    """One octet a segment."""
    return [octets[n : n + 1] for n in range(len(octets))]


def cut_at(*positions: int) -> Segments:
    """In segments, cut at ``positions``, which rise."""

    def cut(octets: bytes, at: int) -> list[bytes]:
        edges = [0, *(place - at for place in positions if 0 < place - at < len(octets)), len(octets)]
        return [octets[start:end] for start, end in pairwise(edges)]

    return cut
