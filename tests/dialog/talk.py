"""A client's dialog in memory, whose server says what a test says."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_commands import ClientCommands
from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.extensions.registry import EXTENSIONS
from txsmtpx.testing import Outcome


class Memory(ClientWire):
    """
    A transport in memory.

    Attributes:
        sent: The octets that were sent since the last `taken`.
        aborted: Whether the dialog has aborted the connection.
        closed: Whether the dialog has closed it.
        congested: Whether octets wait to be sent, which a test sets.
    """

    congested = False

    def __init__(self) -> None:
        self.sent = b""
        self.aborted = self.closed = False

    def write(self, octets: bytes, body: bytes = b"") -> None:
        self.sent += octets + body

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """Return the octets that were sent, and forget them."""
        sent, self.sent = self.sent, b""
        return sent


class Talk:
    """A client's dialog after EHLO, and the lines of its server."""

    def __init__(self, *offers: str, lmtp: bool = False) -> None:
        self.wire = Memory()
        self.dialog = ClientDialog(self.wire, EXTENSIONS, lmtp=lmtp)
        self.commands = ClientCommands(self.dialog)
        greeting = Outcome(self.dialog.expect("greeting", "greeting"))
        self.hear("220 mx.example ESMTP")
        assert greeting.result().code == 220
        hello = self.run(self.commands.hello("client.example"))
        self.hear(*[f"250-{each}" for each in ("mx.example", *offers)], "250 HELP")
        hello.result()
        assert self.wire.taken() == f"{'LHLO' if lmtp else 'EHLO'} client.example\r\n".encode()

    def run(self, coroutine: Any) -> Outcome:
        """Begin an exchange."""
        return Outcome(Deferred.fromCoroutine(coroutine))

    def hear(self, *lines: str) -> None:
        """Receive lines of the server."""
        for line in lines:
            self.dialog.line_received(line.encode())
