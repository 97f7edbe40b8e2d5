"""A client and a server in memory, with TLS between them."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx import Certificate
from txsmtpx.testing import Link, Pem


def tls_link(certificate: Certificate, pem: Pem) -> Link:
    """A connection whose TLS is complete."""
    clock = Clock()
    server = TLSMemoryBIOFactory(certificate, False, Factory.forProtocol(Protocol), clock).buildProtocol(None)
    link = Link(server, clock, tls=pem.client_options())
    assert link.replies() == []
    return link
