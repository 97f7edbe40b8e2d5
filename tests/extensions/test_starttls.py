"""STARTTLS forgets the past (guarantee 6, RFC 3207): over real TLS in memory, with octets sent where none belong."""

from __future__ import annotations

import weakref

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from tests.encoding import b64
from tests.wire.replies import codes
from txsmtpx import ImplicitTLSEndpoint, SMTPServerFactory
from txsmtpx.testing import Link, RecordingBackend

PLAIN = b64("\0user\0secret")


@pytest.fixture
def backend():
    return RecordingBackend({"user": "secret"})


@pytest.fixture
def client(backend, certificate):
    connection = Link.to(backend, tls=certificate)
    assert codes(connection.replies()) == ["220"]
    yield connection
    connection.hang_up()


def test_starttls_is_offered_and_then_no_more(client, pem):
    assert client.ask("EHLO client.example")[-1] == "250 STARTTLS"
    assert client.ask("STARTTLS") == ["220 2.0.0 Ready to start TLS"]
    client.start_tls(pem.client_options())
    inside = client.ask("EHLO client.example")
    assert inside[0] == "250-localhost"
    assert not [line for line in inside if "STARTTLS" in line]
    assert inside[-1] == "250 AUTH PLAIN LOGIN"
    assert client.ask("STARTTLS") == ["503 5.5.1 TLS is active already"]


def test_what_was_negotiated_is_on_the_connection(client, pem, backend):
    client.ask("EHLO client.example", "STARTTLS")
    client.start_tls(pem.client_options())
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    (connection,) = [call[1] for call in backend.calls if call[0] == "anonymous_login"]
    assert connection.tls.version == "TLSv1.3"
    assert connection.tls.cipher.startswith("TLS_")
    assert connection.tls.peer_certificate is None
    assert connection.with_protocol() == "ESMTPS"


def test_a_lost_connection_leaves_nothing_to_openssl(client, pem):
    """Without the garbage collector: what OpenSSL has for a connection is more than all the rest."""
    client.ask("EHLO client.example", "STARTTLS")
    client.start_tls(pem.client_options())
    client.ask("EHLO client.example")
    tls = client.server.dialog.connection.tls
    assert "tls-server-end-point" in tls.bindings
    inside = weakref.ref(client.server.transport.getHandle())
    assert inside() is not None
    client.ask("QUIT")
    assert client.over
    assert inside() is None
    assert tls.version == "TLSv1.3"


# What is sent behind STARTTLS before TLS: commands, a hello, the beginning of a command, or what is no command at all.
INJECTED = [
    b"RSET\r\n",
    b"NOOP\r\nNOOP\r\n",
    b"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\n",
    b"MAIL FROM:<evil@evil.example>\r\nRCPT TO:<v",
    b"EHLO evi",
    b"N",
    b"\r\n",
    b"\x16\x03",
]


@pytest.mark.parametrize("injected", INJECTED)
def test_plaintext_in_the_segment_of_starttls_is_forgotten(client, pem, backend, injected):
    client.ask("EHLO client.example")
    client.send(b"STARTTLS\r\n" + injected)
    assert client.replies() == ["220 2.0.0 Ready to start TLS"]
    client.start_tls(pem.client_options())
    assert client.replies() == []
    assert client.ask("MAIL FROM:<a@client.example>") == ["503 5.5.1 Send EHLO first"]
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    assert [call[1] for call in backend.calls if call[0] == "mail"] == ["a@client.example"]


ALERT = "\x15"
"""The beginning of an alert (RFC 8446).  Twisted 24.11 sends it, later releases do not."""


def commands_replied(client):
    return [each for each in client.replies() if not each.startswith(ALERT)]


@pytest.mark.parametrize("injected", INJECTED)
def test_plaintext_after_starttls_is_never_a_command(client, pem, backend, injected):
    client.ask("EHLO client.example", "STARTTLS")
    client.send(injected)
    client.start_tls(pem.client_options())
    assert client.over or injected == b"\x16\x03"  # the beginning of a record, whose rest OpenSSL 3.4 waits for
    assert commands_replied(client) == []
    assert backend.calls == []


@pytest.mark.parametrize("cut", range(1, len(b"STARTTLS\r\nRSET\r\n")))
def test_wherever_the_segments_are_cut(client, pem, backend, cut):
    client.ask("EHLO client.example")
    octets = b"STARTTLS\r\nRSET\r\n"
    client.send(octets[:cut])
    client.send(octets[cut:])
    assert commands_replied(client) == ["220 2.0.0 Ready to start TLS"]
    client.start_tls(pem.client_options())
    # Cut before the end of STARTTLS, the rest is forgotten; behind it, it breaks the handshake; never is it a command.
    assert client.over is (cut >= len(b"STARTTLS\r\n"))
    assert commands_replied(client) == []


def test_plaintext_that_waited_for_a_backend_is_forgotten(certificate, pem):
    slow = Deferred()
    backend = RecordingBackend({"user": "secret"}, reset=[slow])
    client = Link.to(backend, tls=certificate)
    client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")
    assert client.ask("RSET", "STARTTLS", "NOOP") == []
    slow.callback(None)
    client.send(b"")
    assert codes(client.replies()) == ["250", "220"]
    client.start_tls(pem.client_options())
    assert client.replies() == []
    assert codes(client.ask("MAIL FROM:<a@client.example>")) == ["503"]
    client.hang_up()


def test_hello_transaction_and_login_are_forgotten(certificate, pem):
    backend = RecordingBackend({"user": "secret"})
    client = Link.to(backend, tls=certificate, allow_insecure_auth=True)
    client.replies()
    answers = client.ask("EHLO client.example", f"AUTH PLAIN {PLAIN}")
    assert answers[-1] == "235 2.7.0 Authentication succeeded"
    session = backend.sessions[0]
    assert codes(client.ask("MAIL FROM:<a@client.example>", "STARTTLS")) == ["250", "503"]
    assert codes(client.ask("RSET", "STARTTLS")) == ["250", "220"]
    client.start_tls(pem.client_options())
    assert session.logouts == 1
    assert client.ask("MAIL FROM:<a@client.example>") == ["503 5.5.1 Send EHLO first"]
    assert client.server.dialog.connection.helo == ""
    assert client.server.dialog.connection.username is None
    # The login too: AUTH is not answered "already authenticated".
    answers = client.ask("EHLO again.example", f"AUTH PLAIN {PLAIN}")
    assert answers[-1] == "235 2.7.0 Authentication succeeded"
    client.hang_up()
    assert [session.logouts for session in backend.sessions] == [1, 1]


def test_require_tls(certificate, pem, backend):
    client = Link.to(backend, tls=certificate, require_tls=True)
    client.ask("EHLO client.example")
    assert client.ask("MAIL FROM:<a@client.example>") == ["530 5.7.0 Issue STARTTLS first"]
    client.ask("STARTTLS")
    client.start_tls(pem.client_options())
    assert client.ask("MAIL FROM:<a@client.example>") == ["503 5.5.1 Send EHLO first"]
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    client.hang_up()


@pytest.mark.parametrize("garbage", [b"not a TLS hello at all\r\n", b"\x16\x03\x01\x00\x08" + b"\xff" * 8])
def test_a_failed_handshake_closes(client, backend, garbage):
    client.ask("EHLO client.example", "STARTTLS")
    client.send(garbage)
    assert client.over
    # An alert of TLS at most, nothing that was meant for a reader.
    assert b"421" not in client.client.received
    assert backend.calls == []


def test_a_handshake_that_never_comes_ends(certificate, backend):
    clock = Clock()
    client = Link.to(backend, clock=clock, tls=certificate, read_timeout=10, write_timeout=5)
    client.ask("EHLO client.example", "STARTTLS")
    clock.advance(10)
    clock.advance(5)
    assert client.over
    assert b"421" not in client.client.received  # in the clear, it would not be understood
    assert clock.getDelayedCalls() == []


def test_the_login_comes_after_tls(client, pem, backend):
    assert client.ask("EHLO client.example")[-1] == "250 STARTTLS"
    assert client.ask(f"AUTH PLAIN {PLAIN}") == [
        "538 5.7.11 Encryption required for that authentication mechanism"
    ]
    assert backend.calls == []
    client.ask("STARTTLS")
    client.start_tls(pem.client_options())
    assert client.ask("EHLO client.example", f"AUTH PLAIN {PLAIN}")[-1] == "235 2.7.0 Authentication succeeded"


def implicit(certificate, pem, backend, **settings):
    """A connection in TLS from its first octet on."""
    clock = Clock()
    factory = SMTPServerFactory(backend, reactor=clock, **settings)
    server = TLSMemoryBIOFactory(certificate.creator, False, factory, clock).buildProtocol(None)
    return Link(server, clock, tls=pem.client_options())


@pytest.mark.parametrize("with_starttls", [False, True])
def test_implicit_tls_offers_auth_and_no_starttls(certificate, pem, backend, with_starttls):
    client = implicit(certificate, pem, backend, tls=certificate if with_starttls else None)
    assert codes(client.replies()) == ["220"]
    answers = client.ask("EHLO client.example")
    assert "250-STARTTLS" not in answers
    assert answers[-1] == "250 AUTH PLAIN LOGIN"
    assert client.ask("STARTTLS")[0][:3] == ("503" if with_starttls else "502")
    assert client.ask(f"AUTH PLAIN {PLAIN}") == ["235 2.7.0 Authentication succeeded"]
    client.ask("MAIL FROM:<a@client.example>")
    assert backend.calls[0][1].with_protocol() == "ESMTPSA"
    client.hang_up()


def test_require_tls_is_content_with_implicit_tls(certificate, pem, backend):
    client = implicit(certificate, pem, backend, tls=certificate, require_tls=True)
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["220", "250", "250"]
    client.hang_up()


def test_quit_in_tls_ends_in_order(client, pem):
    client.ask("EHLO client.example", "STARTTLS")
    client.start_tls(pem.client_options())
    assert codes(client.ask("EHLO client.example", "QUIT", "NOOP")) == ["250", "221"]
    assert client.over


def test_a_proxys_header_comes_before_implicit_tls(certificate, pem, backend):
    """As HAProxy sends it: in the clear, then the client's TLS."""
    clock, listened = Clock(), []

    @implementer(IStreamServerEndpoint)
    class Listened:
        def listen(self, factory):
            listened.append(HAProxyWrappingFactory(factory))

    factory = SMTPServerFactory(backend, reactor=clock, max_connections_per_host=1)
    ImplicitTLSEndpoint(Listened(), certificate, clock).listen(factory)

    def connection(host=b"198.51.100.7"):
        client = Link(listened[0].buildProtocol(None), clock)
        client.send_raw(b"PROXY TCP4 " + host + b" 203.0.113.25 40000 465\r\n")
        client.start_tls(pem.client_options())
        return client

    client = connection()
    assert codes(client.replies()) == ["220"]
    assert codes(client.ask("EHLO client.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    ((_, peer),) = [call[:2] for call in backend.calls if call[0] == "anonymous_login"]
    assert (peer.peer_host, peer.with_protocol()) == ("198.51.100.7", "ESMTPS")
    second = connection()  # of the same client, so one too many
    assert second.ask("EHLO client.example")[-1].startswith("421 4.7.0 ")
    assert second.over
    other = connection(b"198.51.100.8")
    assert codes(other.ask("EHLO client.example")) == ["220", "250"]
    other.hang_up()
    client.hang_up()
