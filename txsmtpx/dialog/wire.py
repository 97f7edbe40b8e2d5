"""What the server's dialog asks of its caller: a wire, on which it writes, and a body, which takes a message."""

from __future__ import annotations

from typing import Protocol

from txsmtpx.dialog.extension import Answer


class Wire(Protocol):
    """The transport of one session, as `txsmtpx.dialog.server.ServerDialog` sees it."""

    def write(self, octets: bytes) -> None:
        """
        Send a reply.

        Args:
            octets: All lines of one reply.
        """

    def start_tls(self) -> None:
        """Discard all input, negotiate TLS, then call `ServerDialog.tls_started`."""

    def admit_client(self) -> bool:
        """
        Count the connection for the client that XCLIENT has named, `Connection.peer`.

        Returns:
            True if that client may have one more connection.
        """

    def close(self) -> None:
        """Send what is written, then close the connection; `ServerDialog.connection_lost` follows."""


class Body(Protocol):
    """
    Takes the octets of a message, or of a rejected chunk, in one framing: dots (DATA) or a count (BDAT).

    It takes octets until its end, whatever becomes of the message: nothing of a rejected one is run as a command.
    """

    def feed(self, data: bytes, start: int) -> int:
        """
        Take octets.

        Args:
            data: What has come.
            start: The index of the first octet.

        Returns:
            The index behind the end of the body, or -1 if more is to come.
        """

    def end(self) -> Answer:
        """
        Answer for the body, which is complete.

        Returns:
            As the function of a verb does.
        """
