"""The transport of a client's dialog, as the dialog sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")


class ClientWire:
    """
    What `txsmtpx.dialog.client.ClientDialog` asks of the transport.

    `txsmtpx.wire.client_protocol.ClientProtocol` is the one for Twisted's transports.  For another transport, or for
    none, make a subclass: `write` is all that it needs.  What the other methods do here is right for a transport that
    takes all octets at once and has no clock and no threads.

    Example:
        >>> class Memory(ClientWire):
        ...     def __init__(self):
        ...         self.sent = b""
        ...
        ...     def write(self, octets, body=b""):
        ...         self.sent += octets + body
    """

    def write(self, octets: bytes, body: bytes = b"") -> None:
        """
        Send command lines, and octets of a message behind them.

        Args:
            octets: The lines, each with its CRLF.
            body: Octets of a message, which a transcript does not show.
        """
        raise NotImplementedError

    def write_body(self, octets: bytes) -> None:
        """
        Send octets of a message.

        Args:
            octets: The octets.
        """
        self.write(b"", octets)

    def write_secret(self, octets: bytes) -> None:
        """
        Send a line that no transcript shows: a response of AUTH.

        Args:
            octets: The line with its CRLF.
        """
        self.write(octets)

    def awaiting(self, phase: str | None) -> None:
        """
        Start the time-out of a phase.

        Args:
            phase: The phase that the next reply belongs to, a name of `txsmtpx.Timeouts`; None if no reply is awaited.
        """

    def abort(self) -> None:
        """Abort the connection: nothing more is sent."""

    def close(self) -> object:
        """
        Send what was written, then close the connection.

        Returns:
            Anything; the dialog does not use it.
        """
        return None

    @property
    def congested(self) -> bool:
        """True if octets wait to be sent, since the server does not read."""
        return False

    def writable(self) -> Deferred[None] | None:
        """
        Ask whether more octets may be written.

        Returns:
            None if they may; otherwise a Deferred that fires when the server reads again.
        """
        return None

    def wake(self, seconds: float, call: Callable[[], object] | None) -> None:
        """
        Call a function later, in place of the one set before.

        Args:
            seconds: The delay.
            call: The function; None for none.
        """

    def in_thread(self, function: Callable[..., T], *arguments: object) -> Deferred[T]:
        """
        Call a function that may block, such as a read from a file.

        Args:
            function: The function.
            arguments: Its arguments.

        Returns:
            A Deferred of its result.
        """
        return maybeDeferred(function, *arguments)
