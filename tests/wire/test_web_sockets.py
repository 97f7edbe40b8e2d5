"""Requests to web servers over sockets: TLS as it is and as it should not be, resets, and back-pressure."""

from __future__ import annotations

import contextlib

import pytest
from pytest_twisted import blockon
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, CertificateOptions, PrivateCertificate, trustRootFromCertificates
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from tests.ports import listening
from txsmtpx.wire.web_request import WebClient, WebError

pytestmark = pytest.mark.system


class Page(Resource):
    """It answers with the name in the certificate of the client."""

    isLeaf = True

    def render(self, request):
        request.setHeader(b"Content-Type", b"text/plain")
        certificate = request.transport.getPeerCertificate() if request.isSecure() else None
        return b"nobody" if certificate is None else certificate.to_cryptography().subject.rfc4514_string().encode()


@pytest.fixture
def serve(authority):
    """Listens with TLS; returns the port."""
    opened = []

    def listen(*names, demands=False, **how):
        own = PrivateCertificate.loadPEM(authority.issue(*names, **how).read_bytes())
        roots = trustRootFromCertificates([Certificate.loadPEM(authority.path.read_bytes())]) if demands else None
        options = CertificateOptions(own.privateKey.original, own.original, trustRoot=roots)
        site = Site(Page())
        site.noisy = False
        opened.append(reactor.listenSSL(0, site, options, interface="127.0.0.1"))
        return opened[-1].getHost().port

    yield listen
    for port in opened:
        blockon(port.stopListening())


@contextlib.asynccontextmanager
async def client(**how):
    made = WebClient(reactor, **{"timeout": 10, **how})
    try:
        yield made
    finally:
        await made.close()


async def test_a_verified_server(serve, authority):
    port = serve("localhost")
    async with client(trust_roots=str(authority.path)) as made:
        for _ in range(2):
            answer = await made.request("GET", f"https://localhost:{port}/")
            assert answer.body == b"nobody"


async def test_an_ip_address_is_verified_too(serve, authority):
    port = serve("127.0.0.1")
    async with client(trust_roots=str(authority.path)) as made:
        assert (await made.request("GET", f"https://127.0.0.1:{port}/")).status == 200


@pytest.mark.parametrize(
    ("names", "how", "error"),
    [
        (("other.example",), {}, "the certificate is for another name than localhost"),
        (("localhost",), {"days": (-2, -1)}, "the certificate has expired"),
        (("localhost",), {"signed_by_itself": True}, "the certificate is self-signed"),
    ],
)
async def test_a_certificate_that_is_not_accepted(serve, authority, names, how, error):
    port = serve(*names, **how)
    async with client(trust_roots=str(authority.path)) as made:
        with pytest.raises(WebError, match=f"^{error}$"):
            await made.request("POST", f"https://localhost:{port}/", (), b"body")


async def test_the_roots_of_the_system_do_not_trust_it(serve):
    port = serve("localhost")
    async with client() as made:
        with pytest.raises(WebError, match=r"^the certificate is signed by no authority that is trusted$"):
            await made.request("GET", f"https://localhost:{port}/")


async def test_a_client_certificate(serve, authority):
    port = serve("localhost", demands=True)
    async with client(trust_roots=str(authority.path), certificate=authority.client("mx.example.org")) as made:
        assert (await made.request("GET", f"https://localhost:{port}/")).body == b"CN=mx.example.org"
    async with client(trust_roots=str(authority.path)) as made:
        with pytest.raises(WebError):
            await made.request("POST", f"https://localhost:{port}/", (), b"body")


class Plain(Protocol):
    """It answers in plain text."""

    def dataReceived(self, data):
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


async def test_a_server_without_tls(authority):
    port = await listening(reactor, Plain)
    async with client(trust_roots=str(authority.path)) as made:
        with pytest.raises(WebError, match=r"^the server sent something that is not TLS, such as plain text"):
            await made.request("GET", f"https://localhost:{port.getHost().port}/")
    await port.stopListening()


class Resets(Protocol):
    """It resets the connection at the first octets."""

    def dataReceived(self, data):
        self.transport.abortConnection()


class Deaf(Protocol):
    """It does not read."""

    def connectionMade(self):
        self.transport.pauseProducing()
        seen.append(self)


seen = []


@implementer(IBodyProducer)
class Flood:
    """A body without end, which counts its pieces, as long as it is not paused."""

    length = UNKNOWN_LENGTH

    def __init__(self):
        self.pieces = 0
        self.paused = False
        self.done = Deferred(lambda _: self.stopProducing())

    def startProducing(self, consumer):
        self.consumer = consumer
        self.resumeProducing()
        return self.done

    def resumeProducing(self):
        self.paused = False
        reactor.callLater(0, self.write)

    def write(self):
        if not self.paused:
            self.pieces += 1
            self.consumer.write(b"x" * 65536)
            reactor.callLater(0, self.write)

    def pauseProducing(self):
        self.paused = True

    def stopProducing(self):
        self.paused = True


async def test_a_reset_within_the_request():
    port = await listening(reactor, Resets)
    body = Flood()
    async with client() as made:
        with pytest.raises(WebError, match=r"^the connection was lost before the end of the answer$"):
            await made.request("POST", f"http://127.0.0.1:{port.getHost().port}/", (), body)
    assert body.paused
    await port.stopListening()


async def test_a_server_that_does_not_read_stops_the_body():
    port = await listening(reactor, Deaf)
    body = Flood()
    async with client(timeout=0.5) as made:
        with pytest.raises(WebError, match=r"^no answer within 0\.5 seconds$"):
            await made.request("POST", f"http://127.0.0.1:{port.getHost().port}/", (), body)
    assert body.paused
    assert body.pieces < 300  # the buffers of the kernel
    seen.pop().transport.abortConnection()
    await port.stopListening()


async def test_nothing_listens():
    port = await listening(reactor, Plain)
    number = port.getHost().port
    await port.stopListening()
    async with client() as made:
        with pytest.raises(WebError, match=r"^cannot connect: "):
            await made.request("GET", f"http://127.0.0.1:{number}/")


