"""A TLS handshake that fails: one line in the log, with the session, the peer and the reason in words."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import optionsForClientTLS, trustRootFromCertificates
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.wire.replies import codes
from txsmtpx import SMTPServerFactory
from txsmtpx.testing import Link, RecordingBackend
from txsmtpx.wire.handshake import PORT_CHECK, failure_text

PEER = "192.0.2.1"


@implementer(IOpenSSLClientConnectionCreator)
class Old:
    """Options of a client that knows no more than ``change`` leaves."""

    def __init__(self, change):
        self._change = change

    def clientConnectionForTLS(self, protocol):
        context = SSL.Context(SSL.TLS_METHOD)
        self._change(context)
        return SSL.Connection(context, None)


def old_version(context):
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")


def weak_cipher(context):
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"NULL-SHA256:@SECLEVEL=0")


def distrustful():
    return optionsForClientTLS("localhost", trustRoot=trustRootFromCertificates([]))


@pytest.fixture(params=["STARTTLS", "implicit", "STARTTLS behind a proxy", "implicit behind a proxy"])
def way(request):
    return request.param


class Handshake:
    """A server that TLS begins with, one way or another."""

    def __init__(self, way, certificate, **settings):
        self.clock = clock = Clock()
        implicit = way.startswith("implicit")
        settings["tls"] = None if implicit else certificate
        self.factory = server = SMTPServerFactory(RecordingBackend(), reactor=clock, **settings)
        if implicit:
            server = TLSMemoryBIOFactory(certificate.creator, False, server, clock)
        if "proxy" in way:
            server = HAProxyWrappingFactory(server)
        self.link = Link(server.buildProtocol(None), clock)
        if "proxy" in way:
            self.link.send(b"PROXY TCP4 192.0.2.1 203.0.113.25 40000 25\r\n")
        if not implicit:
            assert codes(self.link.ask("EHLO client.example", "STARTTLS"))[-1] == "220"

    def logged(self, act) -> list[str]:
        """What the default log says of ``act``, without the name of the session."""
        with capturedLogs() as logged:
            act(self.link)
        lines = [formatEvent(event) for event in logged if event["log_level"] >= LogLevel.info]
        assert all(line.startswith("session=") for line in lines)
        return [line.partition(" ")[2] for line in lines]


def failed(why: str) -> list[str]:
    return [f"the TLS handshake with [{PEER}] failed: {why}"]


OPTIONS = {
    "an old version": (
        lambda: Old(old_version),
        "the client supports no TLS version that the server accepts (unsupported protocol)",
    ),
    "a weak cipher": (
        lambda: Old(weak_cipher),
        "the client offers no cipher that the server accepts (no shared cipher)",
    ),
    "a certificate it does not trust": (
        distrustful,
        "the client does not accept the server's certificate (tlsv1 alert unknown ca)",
    ),
}


@pytest.mark.parametrize(("options", "why"), OPTIONS.values(), ids=OPTIONS)
def test_what_clients_have(way, certificate, options, why):
    server = Handshake(way, certificate)
    assert server.logged(lambda link: link.start_tls(options())) == failed(why)
    assert server.link.over
    assert server.factory.connections == set()


PLAIN = {
    "a command": (b"EHLO client.example\r\n", "the client sent something that is not TLS, such as plain text"),
    "a command behind STARTTLS": (b"NOOP\r\n", "the client sent something that is not TLS, such as plain text"),
    "a browser": (b"GET / HTTP/1.1\r\n\r\n", "the client sent an HTTP request in the clear"),
    "nothing known": (b"\0" * 20, "the client sent something that is not TLS, such as plain text"),
}


@pytest.mark.parametrize(("octets", "why"), PLAIN.values(), ids=PLAIN)
def test_what_is_not_tls(way, certificate, octets, why):
    server = Handshake(way, certificate)
    (line,) = server.logged(lambda link: link.send_raw(octets))
    assert line.startswith(failed(why)[0])
    assert line.isprintable()
    assert server.link.over


def test_a_client_that_goes_meanwhile(way, certificate):
    server = Handshake(way, certificate)
    server.link.send_raw(b"\x16\x03\x01")
    server.clock.advance(PORT_CHECK)
    assert server.logged(Link.hang_up) == failed("the client closed the connection")


def test_a_client_that_says_starttls_and_goes(certificate):
    assert Handshake("STARTTLS", certificate).logged(Link.hang_up) == failed("the client closed the connection")


@pytest.mark.parametrize("way", ["implicit", "implicit behind a proxy"])
def test_a_monitor_is_not_worth_a_line(way, certificate):
    """It connects to the port and closes it."""
    assert Handshake(way, certificate).logged(Link.hang_up) == []


@pytest.mark.parametrize("way", ["implicit", "implicit behind a proxy"])
def test_a_client_that_waits_for_a_greeting_in_the_clear_is(way, certificate):
    server = Handshake(way, certificate)
    server.clock.advance(PORT_CHECK)
    assert server.logged(Link.hang_up) == failed("the client closed the connection")


def test_one_that_takes_too_long(way, certificate):
    server = Handshake(way, certificate, read_timeout=10, write_timeout=10)
    assert server.logged(lambda link: server.clock.advance(10)) == failed("it was not complete in time")
    assert server.link.over
    assert server.clock.getDelayedCalls() == []


def test_a_server_that_stops_meanwhile(certificate):
    server = Handshake("STARTTLS", certificate)
    drained = server.factory.drain(5)
    assert server.logged(lambda link: server.clock.advance(5)) in ([], failed("the server ends the connection"))
    assert server.link.over
    assert drained.called


def test_one_that_succeeds_is_not_worth_a_line(way, certificate, pem):
    server = Handshake(way, certificate)

    def act(link):
        link.start_tls(pem.client_options())
        link.hang_up()

    assert server.logged(act) == []


def test_inside_tls_around_a_header(certificate, pem):
    """The handshake comes first there, and the header may be missing."""
    clock = Clock()

    def connected(tls=None):
        factory = HAProxyWrappingFactory(SMTPServerFactory(RecordingBackend(), reactor=clock))
        return Link(TLSMemoryBIOFactory(certificate.creator, False, factory, clock).buildProtocol(None), clock, tls=tls)

    with capturedLogs() as logged:
        connected().send_raw(b"EHLO client.example\r\n")
        connected(distrustful())
        connected(pem.client_options()).hang_up()
        connected().hang_up()
    lines = [formatEvent(event).partition(" ")[2] for event in logged if event["log_level"] >= LogLevel.info]
    assert [line.partition(": ")[2][:20] for line in lines] == ["the client sent some", "the client does not "]
    assert clock.getDelayedCalls() == []


# ---- the words


def error(*reasons):
    return Failure(SSL.Error([("SSL routines", "", reason) for reason in reasons]))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (error("sslv3 alert certificate unknown"), "the client does not accept the server's certificate"),
        (error("ssl/tls alert bad certificate"), "the client does not accept the server's certificate"),
        (error("tlsv13 alert certificate expired"), "the client does not accept the server's certificate"),
        (error("sslv3 alert handshake failure"), "the client ended it (sslv3 alert handshake failure)"),
        (error("tlsv1 alert protocol version"), "the client ended it (tlsv1 alert protocol version)"),
        (error("peer did not return a certificate"), "the client presented no certificate"),
        (error("certificate verify failed"), "the server does not trust the client's certificate"),
        (error("first", "bad extension"), "bad extension"),
        (Failure(SSL.Error([])), "the client closed the connection"),
        (Failure(SSL.Error()), "the client closed the connection"),
        (Failure(SSL.SysCallError(-1, "Unexpected EOF")), "the client closed the connection"),
        (Failure(ConnectionDone()), "the client closed the connection"),
    ],
)
def test_words(reason, text):
    assert failure_text(reason).startswith(text)
