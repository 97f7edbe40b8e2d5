"""Back-pressure of a transport: whether the peer reads what is written."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITransport
from zope.interface import implementer

from txsmtpx.dialog.failure import own_failure


@implementer(IPushProducer)
class ClientBackPressure:
    """
    The producer that a client registers with its transport.

    The transport pauses it while too many octets wait to be sent, 64 KiB by default.  It is an object of its own, since
    `pauseProducing` of a `LineReceiver` pauses reading.  `txsmtpx.wire.client_protocol.ClientProtocol` creates it.

    Attributes:
        congested: True if octets wait to be sent.
    """

    def __init__(self) -> None:
        self.congested: bool = False
        self._writable: Deferred[None] | None = None

    def register(self, transport: ITransport) -> None:
        """
        Register with a transport.

        Args:
            transport: The transport, which pauses and resumes this producer from now on.
        """
        transport.registerProducer(self, True)  # type: ignore[attr-defined]  # each stream transport is an IConsumer

    def writable(self) -> Deferred[None] | None:
        """
        Ask whether more octets may be written.

        Returns:
            None if they may; otherwise a Deferred that fires when the peer reads again.  It may be cancelled.
        """
        if not self.congested:
            return None
        self._writable = Deferred(lambda _: self._forget())
        return self._writable

    def lost(self, reason: BaseException) -> None:
        """
        Note the end of the connection.

        Args:
            reason: What the Deferred of `writable` fails with, if one is waiting.
        """
        self.congested = False
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.errback(own_failure(reason))

    def pauseProducing(self) -> None:
        """Note that octets wait to be sent."""
        self.congested = True

    def resumeProducing(self) -> None:
        """Note that the octets were sent."""
        self.congested = False
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.callback(None)

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and `lost` follows."""

    def _forget(self) -> None:
        self._writable = None
