"""
A client that types inside TLS, after a real STARTTLS in memory (RFC 3207), what another types in the clear.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from twisted.internet.task import Clock

from txsmtpx import Certificate, SMTPServerFactory
from txsmtpx.extensions.starttls import STARTTLS
from txsmtpx.testing import Conversation, Link, Pem, RecordingBackend

PEER = "192.168.1.1"  # which is also where StringTransport comes from


@cache
def _certificate(pem: Pem) -> Certificate:
    return Certificate(str(pem.certificate), str(pem.key))


@cache
def _client_options(pem: Pem) -> Any:
    return pem.client_options()


class Secured(Conversation):
    """
    As `Conversation`; the greeting is the first reply all the same, what was said until TLS stood is not among them.
    """

    def __init__(
        self, backend: Any = None, *, pem: Pem, clock: Clock | None = None, inside_tls: bool = True, **settings: Any
    ) -> None:
        self.backend = RecordingBackend() if backend is None else backend
        self.clock = clock or Clock()
        self._lost = self._hung_up = False
        settings["tls"] = _certificate(pem)
        if "extensions" in settings and STARTTLS not in settings["extensions"]:
            settings["extensions"] = [*settings["extensions"], STARTTLS]
        self.protocol = SMTPServerFactory(self.backend, reactor=self.clock, **settings).buildProtocol(None)
        self._link = Link(self.protocol, self.clock, PEER)
        greeting = self._link.replies()
        hello = "LHLO" if settings.get("lmtp") else "EHLO"
        self._link.ask(f"{hello} before.example", "STARTTLS")
        self._link.start_tls(_client_options(pem))
        self._said = greeting + self._link.replies()

    @property
    def closed(self) -> bool:
        return self._hung_up or (not self._lost and self._link.client.lost)

    def send(self, octets: bytes) -> None:
        if not self.closed and not self._lost:
            self._link.send(octets)

    def replies(self) -> list[str]:
        self._link.send_raw(b"")
        said, self._said = self._said + self._link.replies(), []
        return said

    def hang_up(self) -> None:
        self._hung_up = self.closed
        self._lost = True
        self._link.hang_up()
        super().hang_up()
