"""
Implicit TLS (RFC 8314 §3.3): an endpoint whose connections speak TLS from their first octet on.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from txsmtpx.wire.server_certificate import Certificate, adopt


@implementer(IStreamServerEndpoint)
class ImplicitTLSEndpoint:
    """
    TLS over another endpoint, with a `Certificate` that may be read again while it listens.

    Over one that takes PROXY headers, these come in the clear before TLS, as HAProxy sends them.

    Args:
        endpoint: Any endpoint for servers.
        certificate: What clients are shown.
        clock: Of the TLS connections, which gather small writes; that of the global reactor by default.

    Raises:
        TypeError: ``certificate`` is something else, such as an ``ssl.SSLContext``.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, certificate: Certificate, clock: Any = None) -> None:
        self._endpoint = endpoint
        self._certificate = certificate
        adopt(certificate)  # which raises an error if it is none
        self._clock = clock

    def listen(self, protocolFactory: Any) -> Deferred[IListeningPort]:
        """Listen (`IStreamServerEndpoint`)."""
        factory = TLSMemoryBIOFactory(self._certificate, False, protocolFactory, self._clock)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening
