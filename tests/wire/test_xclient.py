"""XCLIENT and XFORWARD as backends see them: whom the connection is for, with TLS, with PROXY, with caps."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from tests.wire.replies import codes
from txsmtpx import SMTPServerFactory
from txsmtpx.extensions.xclient import trusted
from txsmtpx.sasl.external import EXTERNAL
from txsmtpx.testing import Link, RecordingBackend

PROXY = "192.0.2.1"
TRUSTED = {"trusted_networks": ["192.0.2.0/24"]}

MAIL = ("EHLO client.example", "MAIL FROM:<a@client.example>")
MESSAGE = ("RCPT TO:<b@server.example>", "DATA", "Subject: x", "", ".")


@pytest.fixture
def backend() -> RecordingBackend:
    return RecordingBackend({"user": "secret"})


class Proxy:
    """A server that takes connections from many hosts."""

    def __init__(self, backend: Any, **settings: Any) -> None:
        self.clock = Clock()
        self.factory = SMTPServerFactory(backend, reactor=self.clock, **settings)

    def connect(self, peer: str = PROXY) -> Link:
        return Link(self.factory.buildProtocol(None), self.clock, peer)


def dialog_of(link: Link) -> Any:
    return link.server.dialog


# ---- the connection


def test_the_connection_is_the_clients(backend):
    client = Link.to(backend, **TRUSTED)
    client.ask("EHLO proxy.example")
    said = client.ask(
        "XCLIENT NAME=client.example ADDR=198.51.100.7 PORT=40000 PROTO=SMTP HELO=real.example LOGIN=someone"
        " DESTADDR=203.0.113.25 DESTPORT=587"
    )
    assert said[-1] == "220 localhost ESMTP txsmtpx"
    assert codes(client.ask("EHLO proxy.example", "MAIL FROM:<a@client.example>")) == ["250", "250"]
    connection = backend.calls[0][1]
    assert connection.peer == IPv4Address("TCP", "198.51.100.7", 40000)
    assert connection.host == IPv4Address("TCP", "203.0.113.25", 587)
    assert connection.proxy == IPv4Address("TCP", PROXY, 4000)
    assert (connection.helo, connection.username) == ("real.example", "someone")
    assert connection.xclient["NAME"] == "client.example"
    assert connection.xclient["PROTO"] == "SMTP"
    client.hang_up()


def test_without_xclient_there_is_no_proxy(backend):
    client = Link.to(backend, **TRUSTED)
    client.ask(*MAIL)
    connection = backend.calls[0][1]
    assert (connection.proxy, connection.xclient, connection.peer_host) == (None, {}, PROXY)
    client.hang_up()


def test_what_is_said_again_holds_the_rest_stays(backend):
    """Attributes may take more than one command; who logged in and what he called himself are never another's."""
    client = Link.to(backend, **TRUSTED)
    client.ask("XCLIENT PORT=40000", "XCLIENT ADDR=IPV6:2001:db8::7 LOGIN=one HELO=one.example PROTO=SMTP")
    client.ask("XCLIENT NAME=client.example")
    client.ask(*MAIL)
    connection = backend.calls[0][1]
    assert connection.peer == IPv6Address("TCP", "2001:db8::7", 40000)
    assert connection.proxy.host == PROXY
    assert (connection.helo, connection.username) == ("client.example", None)
    assert connection.xclient == {"PORT": "40000", "ADDR": "2001:db8::7", "NAME": "client.example"}
    client.hang_up()


def test_an_address_that_nobody_knows(backend):
    client = Link.to(backend, **TRUSTED)
    client.ask("XCLIENT ADDR=[UNAVAILABLE] DESTADDR=[TEMPUNAVAIL]")
    assert codes(client.ask(*MAIL, *MESSAGE)) == ["250", "250", "250", "354", "250"]
    connection = backend.calls[0][1]
    assert (connection.peer, connection.peer_host, connection.host) == (None, "", None)
    assert connection.proxy.host == PROXY
    client.hang_up()


def test_it_was_another_session(backend):
    """The one that was logged in is logged out; the next has its own."""
    client = Link.to(backend, allow_insecure_auth=True, **TRUSTED)
    client.ask("EHLO proxy.example", "AUTH PLAIN AHVzZXIAc2VjcmV0", "XCLIENT ADDR=198.51.100.7")
    assert [session.logouts for session in backend.sessions] == [1]
    client.ask(*MAIL)
    assert backend.methods == ["login", "logout", "anonymous_login", "mail"]
    client.hang_up()
    assert [session.logouts for session in backend.sessions] == [1, 1]


def received(helo: str) -> str:
    backend = RecordingBackend()
    headers = []
    backend.outcomes["data"] = lambda message, context: headers.append(context.received().decode())
    client = Link.to(backend, **TRUSTED)
    client.ask(f"XCLIENT ADDR=IPV6:2001:db8::7 HELO={helo}", *MAIL, *MESSAGE)
    client.hang_up()
    (header,) = headers
    return header


def test_received_is_from_the_client():
    assert received("real.example").startswith("Received: from real.example ([IPv6:2001:db8::7])\r\n\tby localhost ")


def test_a_hello_is_one_word_in_received():
    header = received("x+20+28[192.0.2.9]+29+20by+20evil;")
    assert header.startswith("Received: from x??[192.0.2.9]??by?evil? ([IPv6:2001:db8::7])\r\n")


# ---- XFORWARD


def test_xforward_is_for_one_transaction(backend):
    seen = []
    backend.outcomes["mail"] = lambda sender, options: seen.append(dict(dialog_of(client).connection.xforward))
    client = Link.to(backend, **TRUSTED)
    client.ask("EHLO proxy.example", "XFORWARD NAME=client.example ADDR=198.51.100.7", "XFORWARD IDENT=1 SOURCE=LOCAL")
    client.ask("MAIL FROM:<a@client.example>", *MESSAGE)
    client.ask("MAIL FROM:<a@client.example>", "RSET")
    client.ask("XFORWARD IDENT=2", "RSET", "MAIL FROM:<a@client.example>", "RSET")
    client.ask("XFORWARD IDENT=3", "EHLO proxy.example", "MAIL FROM:<a@client.example>", "RSET")
    client.ask("XFORWARD IDENT=4", "NOOP", "MAIL FROM:<a@client.example>")
    first = {"NAME": "client.example", "ADDR": "198.51.100.7", "IDENT": "1", "SOURCE": "LOCAL"}
    assert seen == [first, {}, {}, {}, {"IDENT": "4"}]
    assert dialog_of(client).connection.peer_host == PROXY
    client.hang_up()


def test_xforward_is_there_while_the_message_comes(backend):
    seen = []
    backend.outcomes["data"] = lambda message, context: seen.append(context.connection.xforward)
    client = Link.to(backend, **TRUSTED)
    client.ask("EHLO proxy.example", "XFORWARD IDENT=1", "MAIL FROM:<a@client.example>", *MESSAGE)
    assert seen == [{"IDENT": "1"}]
    client.hang_up()


def test_xclient_forgets_xforward(backend):
    client = Link.to(backend, **TRUSTED)
    client.ask("EHLO proxy.example", "XFORWARD IDENT=1", "XCLIENT ADDR=198.51.100.7", *MAIL)
    assert backend.calls[0][1].xforward == {}
    client.hang_up()


# ---- whom is trusted


@pytest.mark.parametrize(
    ("networks", "peer", "is_trusted"),
    [
        (["192.0.2.1"], "192.0.2.1", True),
        (["192.0.2.1"], "192.0.2.2", False),
        (["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.200", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["192.0.2.0/24"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8:1::1", True),
        (["::/0"], "192.0.2.1", False),
        (["fe80::/10"], "fe80::1%eth0", True),
    ],
)
def test_trusted_networks(networks, peer, is_trusted):
    client = Proxy(RecordingBackend(), trusted_networks=networks).connect()
    dialog_of(client).connection.peer = (IPv6Address if ":" in peer else IPv4Address)("TCP", peer, 4000)
    assert trusted(dialog_of(client)) is is_trusted
    client.hang_up()


def test_a_socket_has_no_network(backend):
    client = Proxy(backend, trusted_networks=["0.0.0.0/0", "::/0"]).connect()
    dialog_of(client).connection.peer = UNIXAddress("/run/smtp")
    assert not trusted(dialog_of(client))
    client.hang_up()


def test_a_network_that_is_none():
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        SMTPServerFactory(RecordingBackend(), trusted_networks=["10.0.0.0/99"], reactor=Clock())


def test_nobody_becomes_trusted_by_being_another(backend):
    client = Proxy(backend, **TRUSTED).connect("198.51.100.7")
    assert client.ask("XCLIENT ADDR=192.0.2.1")[-1].startswith("550 ")
    assert not trusted(dialog_of(client))
    assert dialog_of(client).connection.peer_host == "198.51.100.7"
    client.hang_up()


def test_trust_is_in_who_is_connected(backend):
    """The proxy may go on to speak for others, whoever it has spoken for."""
    client = Link.to(backend, **TRUSTED)
    assert codes(client.ask("XCLIENT ADDR=198.51.100.7", "XCLIENT ADDR=198.51.100.8")) == ["220", "220", "220"]
    assert dialog_of(client).connection.peer_host == "198.51.100.8"
    assert dialog_of(client).connection.proxy.host == PROXY
    client.hang_up()


def test_the_certificate_of_the_proxy_is_not_the_clients(backend):
    class Verified:
        verified = True

    client = Link.to(backend, **TRUSTED)
    connection = dialog_of(client).connection
    connection.tls = Verified()
    assert EXTERNAL.available(connection)
    client.ask("XCLIENT ADDR=198.51.100.7")
    assert not EXTERNAL.available(connection)
    client.hang_up()


# ---- TLS


def test_starttls_after_it(backend, certificate, pem):
    """Where the client is stays; what was said of it in the clear does not (RFC 3207 §4.2)."""
    client = Link.to(backend, tls=certificate, require_tls=True, **TRUSTED)
    client.ask("EHLO proxy.example", "XCLIENT ADDR=198.51.100.7 HELO=real.example LOGIN=someone")
    assert codes(client.ask("EHLO proxy.example", "STARTTLS")) == ["250", "220"]
    client.start_tls(pem.client_options())
    client.ask("EHLO client.example")
    connection = dialog_of(client).connection
    assert (connection.helo, connection.username) == ("client.example", None)
    assert (connection.peer_host, connection.proxy.host) == ("198.51.100.7", PROXY)
    assert connection.tls.version == "TLSv1.3"
    client.ask("XCLIENT ADDR=198.51.100.8 LOGIN=someone", *MAIL)
    assert backend.calls[0][1].username == "someone"
    assert backend.calls[0][1].with_protocol() == "ESMTPSA"
    client.hang_up()


def test_starttls_forgets_xforward(backend, certificate, pem):
    client = Link.to(backend, tls=certificate, **TRUSTED)
    client.ask("EHLO proxy.example", "XFORWARD IDENT=1", "STARTTLS")
    client.start_tls(pem.client_options())
    client.ask(*MAIL)
    assert backend.calls[0][1].xforward == {}
    client.hang_up()


def test_before_starttls_where_that_is_required(backend, certificate):
    client = Link.to(backend, tls=certificate, require_tls=True, **TRUSTED)
    said = client.ask("XCLIENT ADDR=198.51.100.7", "EHLO client.example", "MAIL FROM:<a@client.example>")
    assert codes(said) == ["220", "220", "250", "530"]
    client.hang_up()


# ---- behind PROXY


@pytest.mark.parametrize(("client", "answer"), [("192.0.2.9", "220"), ("198.51.100.7", "550")])
def test_the_address_in_a_proxy_header_is_what_counts(backend, client, answer):
    """The proxy is at 192.0.2.1, which is trusted; whom it speaks for may be or not."""
    factory = SMTPServerFactory(backend, reactor=Clock(), **TRUSTED)
    connected = Link(HAProxyWrappingFactory(factory).buildProtocol(None), Clock(), PROXY)
    connected.send(f"PROXY TCP4 {client} 203.0.113.25 40000 25\r\n".encode())
    assert codes(connected.ask("EHLO a.example", "XCLIENT ADDR=198.51.100.8")) == ["220", "250", answer]
    connected.hang_up()


# ---- caps


def test_a_host_is_counted_as_the_client(backend):
    server = Proxy(backend, max_connections_per_host=1, **TRUSTED)
    first, second, third = (server.connect() for _ in range(3))
    assert codes(first.replies() + second.replies() + third.replies()) == ["220"] * 3
    assert codes(first.ask("XCLIENT ADDR=198.51.100.7")) == ["220"]
    assert codes(second.ask("XCLIENT ADDR=198.51.100.8")) == ["220"]
    assert third.ask("XCLIENT ADDR=198.51.100.7") == ["421 4.7.0 Too many connections, try again later"]
    assert third.over
    directly = server.connect("198.51.100.8")
    assert codes(directly.replies()) == ["421"]
    first.hang_up()
    again = server.connect("198.51.100.7")
    assert codes(again.replies()) == ["220"]
    again.hang_up()
    assert codes(second.ask("XCLIENT ADDR=198.51.100.7")) == ["220"]
    freed = server.connect("198.51.100.8")
    assert codes(freed.replies()) == ["220"]
    for each in (second, freed):
        each.hang_up()
    assert server.factory.connections == set()
    assert server.factory.admission.per_host == {}


def test_those_who_are_not_trusted_are_counted_at_once(backend):
    server = Proxy(backend, max_connections_per_host=1, **TRUSTED)
    first, second = server.connect("198.51.100.7"), server.connect("198.51.100.7")
    assert codes(first.replies() + second.replies()) == ["220", "421"]
    first.hang_up()
    assert server.factory.admission.per_host == {}


# ---- the log


def test_nothing_of_it_begins_a_line_of_the_log(backend):
    lines = []
    client = Link.to(backend, transcript=lambda session, who, line: lines.append(line), **TRUSTED)
    client.ask("EHLO a.example", "XCLIENT NAME=a+0D+0Ab", "XFORWARD HELO=a+0Ab", "XCLIENT HELO=a+1B[2J")
    assert len(lines) == 1 + 2 * 4 + len([line for line in lines if line.startswith("250-")])
    assert all(line.isprintable() for line in lines)
    assert dialog_of(client).connection.xclient == {}
    client.hang_up()
