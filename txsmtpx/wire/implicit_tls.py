"""Implicit TLS (RFC 8314 §3.3): an endpoint whose connections begin with TLS."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime, IStreamServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from txsmtpx.interfaces import Reactor, ServerEndpoint
from txsmtpx.wire.server_certificate import Certificate, as_certificate


@implementer(IStreamServerEndpoint)
class ImplicitTLSEndpoint:
    """
    TLS over another endpoint.  The `Certificate` may be read again while the endpoint listens.

    Over an endpoint that expects PROXY headers, the header comes in the clear before TLS, as HAProxy sends it.

    Example:
        A port for submission by implicit TLS::

            certificate = Certificate("cert.pem", "key.pem")
            ImplicitTLSEndpoint(serverFromString(reactor, "tcp:465"), certificate).listen(factory)

    Args:
        endpoint: Any server endpoint.
        certificate: The certificate that clients get.
        clock: Times the TLS connections, which gather small writes; by default the global reactor.

    Raises:
        TypeError: ``certificate`` is something else, such as an ``ssl.SSLContext``.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint | ServerEndpoint,
        certificate: Certificate,
        clock: Reactor | None = None,
    ) -> None:
        if as_certificate(certificate, "certificate") is None:  # which raises the error for anything but None
            raise TypeError("certificate must be a Certificate, not None")
        self._endpoint = endpoint
        self._certificate = certificate
        self._clock = cast("IReactorTime | None", clock)

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.  See `IStreamServerEndpoint`.

        Args:
            protocolFactory: Makes the protocols that TLS carries.

        Returns:
            A Deferred of the port.
        """
        factory = TLSMemoryBIOFactory(self._certificate, False, protocolFactory, self._clock)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening
