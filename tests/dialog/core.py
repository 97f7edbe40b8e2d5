"""The core by itself: a client that talks to a `ServerDialog`, of which nothing but lines and octets reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.observer import Observers
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.state import Link
from txsmtpx.dialog.table import Tables
from txsmtpx.extensions import registry
from txsmtpx.extensions.lmtp import LMTP
from txsmtpx.extensions.smtp import SMTP
from txsmtpx.sasl import mechanisms
from txsmtpx.testing import RecordingBackend

NEEDS_MORE = {"STARTTLS", "XCLIENT", "XFORWARD"}
"""Keywords of extensions that a core without TLS and without proxies has not."""


def _in_the_reactor(function: Callable[..., object], *arguments: object) -> None:
    from twisted.internet import reactor

    reactor.callFromThread(function, *arguments)  # type: ignore[attr-defined]


class Core:
    """
    A client that talks to a dialog, as `txsmtpx.testing.Conversation` talks to a server.

    Attributes:
        dialog: The dialog.
        clock: Its time.
        closed: Whether the server has closed the connection.
    """

    def __init__(
        self,
        backend: Any = None,
        *,
        lmtp: bool = False,
        extensions: Iterable[Extension] | None = None,
        observers: Iterable[Any] = (),
        **settings: Any,
    ) -> None:
        """
        Args:
            backend: A `RecordingBackend` by default.
            lmtp: Whether it is LMTP.
            extensions: Those that the library honours alone, and those of the backend, by default.
            observers: Of the server.
            settings: Of `Settings`.
        """
        self.backend = RecordingBackend() if backend is None else backend
        self.clock = Clock()
        self.closed = False
        self._written: list[bytes] = []
        self._input = b""
        self._held = self._lost = False
        if extensions is None:
            extensions = registry.offered_with(getattr(self.backend, "supports", ()))
        offered = mechanisms.satisfied_by(self.backend, settings.get("require_auth", False), ())
        absent = NEEDS_MORE if offered else NEEDS_MORE | {"AUTH"}
        table = [LMTP if lmtp else SMTP, *(each for each in extensions if each.keyword not in absent)]
        self.dialog = ServerDialog(
            Settings(
                backend=self.backend,
                clock=self.clock,
                from_thread=_in_the_reactor,
                lmtp=lmtp,
                tables=Tables(table, known=registry.KNOWN),
                mechanisms=offered,
                observers=Observers(observers),
                **settings,
            ),
            self,
        )
        self.dialog.connection_made()

    # ---- Wire

    def write(self, octets: bytes) -> None:
        """Keep a reply."""
        self._written.append(octets)

    def start_tls(self) -> None:
        """There is none."""
        raise NotImplementedError

    def admit_client(self) -> bool:
        """Any client may be there."""
        return True

    def close(self) -> None:
        """The server closes."""
        assert not self.closed
        self.closed = True

    # ---- the client

    def send(self, octets: bytes) -> None:
        """Send octets, however they are cut."""
        if not self._lost:
            self._input += octets
            self._work()

    def _work(self) -> None:
        dialog = self.dialog
        while self._input and not self._held and dialog.link is Link.OPEN:
            if dialog.body is not None:
                end, waiting = dialog.body_received(self._input)
                self._input = self._input[end:] if end >= 0 else b""
            else:
                line, newline, rest = self._input.partition(b"\n")
                if not newline:
                    break
                self._input = rest
                waiting = dialog.line_received(line.removesuffix(b"\r"), not line.endswith(b"\r"))
            if waiting is not None:
                self._held = True
                waiting.addBoth(self._go_on)

    def _go_on(self, result: object) -> None:
        assert result is None
        self._held = False
        self._work()

    def replies(self) -> list[str]:
        """The lines that the server has sent since the last call, without their line ends."""
        written, self._written = b"".join(self._written), []
        assert not written or written.endswith(b"\r\n")
        return written.decode("utf-8").split("\r\n")[:-1]

    def ask(self, *lines: str) -> list[str]:
        """Send lines in one segment; what is answered at once."""
        self.send("".join(f"{line}\r\n" for line in lines).encode())
        return self.replies()

    def hang_up(self) -> None:
        """The connection is over, and no timer of it is left."""
        if not self._lost:
            self._lost = True
            self.dialog.connection_lost(Failure(ConnectionDone() if self.closed else ConnectionLost()))
        assert self.clock.getDelayedCalls() == []
