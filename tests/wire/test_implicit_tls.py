"""An endpoint whose connections begin with TLS."""

from __future__ import annotations

import ssl

import pytest
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface.verify import verifyObject

from txsmtpx import ImplicitTLSEndpoint
from txsmtpx.testing import Link, Outcome


class Port:
    """An endpoint that remembers what listens."""

    def listen(self, factory):
        self.factory = factory
        return succeed("the port")


class Greeting(Protocol):
    def connectionMade(self):
        self.transport.write(b"hello\r\n")


def test_what_listens_is_inside_tls(certificate, pem):
    port, clock, inner = Port(), Clock(), Factory.forProtocol(Greeting)
    endpoint = ImplicitTLSEndpoint(port, certificate, clock)
    assert verifyObject(IStreamServerEndpoint, endpoint)
    assert Outcome(endpoint.listen(inner)).result() == "the port"
    assert isinstance(port.factory, TLSMemoryBIOFactory)
    assert port.factory.wrappedFactory is inner
    link = Link(port.factory.buildProtocol(None), clock, tls=pem.client_options())
    assert link.replies() == ["hello"]
    link.hang_up()


def test_each_factory_that_listens_has_tls_of_its_own(certificate):
    port = Port()
    endpoint = ImplicitTLSEndpoint(port, certificate, Clock())
    endpoint.listen(one := Factory())
    first = port.factory
    endpoint.listen(other := Factory())
    assert first is not port.factory
    assert (first.wrappedFactory, port.factory.wrappedFactory) == (one, other)


@pytest.mark.parametrize(("wrong", "text"), [
    (None, "certificate must be a Certificate, not None"), ("cert.pem", "must be a Certificate"),
    (ssl.create_default_context(), "SSLContext"),
], ids=["None", "a path", "a context"])  # fmt: skip
def test_what_is_no_certificate_is_refused_when_it_is_given(wrong, text):
    """Guarantee 27."""
    with pytest.raises(TypeError, match=text):
        ImplicitTLSEndpoint(Port(), wrong)
