"""Our client and our server, joined in memory, so that both ends of an extension are tried at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import connect

from txsmtpx import Extension, SMTPClient, SMTPServerFactory
from txsmtpx.testing import RecordingBackend
from txsmtpx.testing.link import Transport
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings


class _Verified:
    verified = True
    bindings: ClassVar[dict[str, bytes]] = {}

    def lost(self) -> None:
        """There is no OpenSSL to forget."""


class Ends:
    """
    A client and a server that have greeted each other.

    Attributes:
        said: The lines of the client, but for the octets of messages.
        heard: The lines of the server.
    """

    def __init__(
        self,
        backend: Any = None,
        *,
        inside_tls: bool = False,
        known: Sequence[Extension] = (),
        hello: bool = True,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.backend = RecordingBackend() if backend is None else backend
        self.said: list[str] = []
        self.heard: list[str] = []
        lmtp = settings.get("lmtp", False)
        self.server = SMTPServerFactory(self.backend, reactor=self.clock, **settings).buildProtocol(None)
        if inside_tls:
            self.server.dialog.tls_started(object())
        settings = ClientSettings(lmtp=lmtp, domain="client.example", transcript=self._note, extensions=known)
        protocol = ClientProtocol(settings, reactor=self.clock)
        self.client = SMTPClient(protocol)
        transports = Transport(self.server, True, self.clock), Transport(protocol, False, self.clock)
        self._pump = connect(self.server, transports[0], protocol, transports[1], clock=self.clock)
        assert self.come(self.client.greeting).code == 220
        if inside_tls:
            protocol.handshake.tls = _Verified()
        if hello:
            self.come(self.client.hello())

    def _note(self, session: str, who: str, line: str) -> None:
        (self.said if who == "C" else self.heard).append(line)

    def come(self, deferred: Deferred[Any]) -> Any:
        """What ``deferred`` comes to, which it has to at once."""
        outcomes: list[Any] = []
        deferred.addBoth(outcomes.append)
        self._pump.flush()
        assert outcomes, f"nothing comes of it: {self.said} {self.heard}"
        if isinstance(outcomes[0], Failure):
            outcomes[0].raiseException()
        return outcomes[0]

    def send(self, *args: Any) -> Any:
        """`SMTPClient.send`."""
        return self.come(self.client.send(*args))

    def words(self, verb: str) -> list[str]:
        """What the client has said that begins with ``verb``."""
        return [line for line in self.said if line.startswith(verb)]

    def over(self) -> None:
        """QUIT, after which nothing is left."""
        self.come(self.client.quit())
        assert not self.clock.getDelayedCalls()

    def flush(self) -> None:
        """Let everything arrive that is under way."""
        self._pump.flush()
