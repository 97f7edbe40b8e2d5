"""``connect`` and ``send_mail``: what an endpoint says of TLS, and one call that can be cancelled anywhere."""

from __future__ import annotations

import re

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater

from tests.ports import listening
from txsmtpx import MemoryBackend, MXEndpoint, NotOffered, SMTPError, SMTPServerFactory, connect, send_mail
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer
from txsmtpx.wire.target import target

TARGETS = {
    "tcp:mail.example.net:587": ("mail.example.net", "required"),
    "tcp:host=mail.example.net:port=587:timeout=7": ("mail.example.net", "required"),
    "tcp:192.0.2.1:25": ("192.0.2.1", "required"),
    "tcp:127.0.0.1:25": ("127.0.0.1", "none"),
    "tcp:127.9.9.9:25": ("127.9.9.9", "none"),
    r"tcp:\:\:1:25": ("::1", "none"),
    "tcp:localhost:25": ("localhost", "none"),
    "tcp:localhost.example.net:25": ("localhost.example.net", "required"),
    "tcp:LOCALHOST.:25": ("LOCALHOST.", "none"),
    r"tcp:\:\:ffff\:127.0.0.1:25": ("::ffff:127.0.0.1", "none"),
    "tcp:B\u00dcCHER.example:25": ("xn--bcher-kva.example", "required"),
    "tls:stra\u00dfe.example:465": ("xn--strae-oqa.example", "implicit"),
    "tls:mail.example.net:465": ("mail.example.net", "implicit"),
    "ssl:mail.example.net:465": ("mail.example.net", "implicit"),
    "tls:127.0.0.1:465": ("127.0.0.1", "implicit"),
    "unix:/run/lmtp": ("", "none"),
    "mx:example.net": ("", "required"),
}


@pytest.mark.parametrize("endpoint", TARGETS)
def test_what_a_string_says(endpoint):
    found = target(reactor, endpoint)
    assert (found.hostname, found.tls) == TARGETS[endpoint]
    assert IStreamClientEndpoint.providedBy(found.endpoint)


def test_what_an_endpoint_says():
    assert target(reactor, HostnameEndpoint(reactor, "mail.example.net", 25)).tls == "required"
    assert target(reactor, HostnameEndpoint(reactor, b"mail.example.net", 25)).hostname == "mail.example.net"
    assert target(reactor, HostnameEndpoint(reactor, "localhost", 25)).tls == "none"
    assert target(reactor, TCP4ClientEndpoint(reactor, "127.0.0.1", 25)).tls == "none"
    assert target(reactor, UNIXClientEndpoint(reactor, "/run/lmtp")).tls == "none"
    assert target(reactor, MXEndpoint(reactor, "example.net")).tls == "required"


def test_the_rest_of_a_string_is_heeded():
    endpoint = target(reactor, "tcp:mail.example.net:587:timeout=7:bindAddress=192.0.2.9").endpoint
    assert (endpoint._timeout, endpoint._bindAddress) == (7, ("192.0.2.9", 0))


NO_ENDPOINTS = ["", "tcp", "tcp:host:port", "nonsense:x", "tls:host", "tcp:ex\u3002ample:25", "mx:ex\u3002ample"]


@pytest.mark.parametrize("endpoint", NO_ENDPOINTS)
async def test_what_is_no_endpoint(endpoint):
    with pytest.raises(ValueError, match=rf"^no endpoint: {re.escape(endpoint)} \(.+\)$"):
        await send_mail(endpoint, "me@example.org", ["you@example.net"], b"")


async def test_what_is_no_mode():
    with pytest.raises(ValueError, match="opportunistic, required, implicit or none"):
        await send_mail("tcp:localhost:25", "me@example.org", ["you@example.net"], b"", tls=True)


async def test_there_is_nobody():
    port = await listening(reactor, ScriptedServer)
    number = port.getHost().port
    await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        await connect(f"tcp:127.0.0.1:{number}")
    with pytest.raises(ConnectError):
        await connect("unix:/nowhere/at/all")


@pytest.mark.parametrize("greeting", ["554 5.7.1 Not you", "450 4.7.0 Later", "421 4.3.2 Never"])
def test_an_unfriendly_greeting(network, greeting):
    net = network(GREETING=greeting)
    with pytest.raises(SMTPError) as caught:
        net.result(connect(net, tls="none", reactor=net.clock))
    assert str(caught.value) == f"greeting: {greeting}"
    assert net.servers[0].lost
    assert net.servers[0].lines == ["QUIT"]


def test_what_we_call_ourselves(network):
    net = network()
    net.result(connect(net, tls="none", domain="me.example.org", reactor=net.clock))
    net.result(connect(net, tls="none", lmtp=True, reactor=net.clock))
    assert [server.lines for server in net.servers] == [["EHLO me.example.org"], ["LHLO [192.0.2.25]"]]


@pytest.mark.parametrize(
    ("host", "said"),
    [("::ffff:192.0.2.25", "[192.0.2.25]"), ("fe80::1%eth0", "[IPv6:fe80::1]"), ("2001:DB8::1", "[IPv6:2001:db8::1]")],
)
def test_our_address_is_said_plainly(network, host, said):
    """RFC 5321 §4.1.3: an address literal has no zone; an IPv4 address has its own form."""
    net = network()
    client = net.result(connect(net, tls="none", reactor=net.clock))
    client.protocol.transport.hostAddress = IPv6Address("TCP", host, 4000)
    net.result(client.hello())
    net.result(client.hello("B\u00fccher.example"))
    assert net.servers[0].lines[-2:] == [f"EHLO {said}", "EHLO xn--bcher-kva.example"]


async def test_our_address_where_we_have_no_name():
    servers = []

    def make():
        servers.append(ScriptedServer())
        return servers[-1]

    port = await listening(reactor, make)
    client = await connect(f"tcp:127.0.0.1:{port.getHost().port}")
    await client.quit()
    await port.stopListening()
    assert servers[0].lines == ["EHLO [127.0.0.1]", "QUIT"]


def test_send_mail_is_one_call(network):
    net = network(offers=["PIPELINING"])
    result = net.result(send_mail(net, "me@example.org", ["you@example.net"], b"x\r\n", tls="none", reactor=net.clock))
    assert [str(reply) for _, reply in result.accepted] == ["250 2.0.0 Taken"]
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert net.servers[0].lost


def test_a_farewell_that_fails_changes_nothing(network):
    for farewell in (HANG_UP, "500 5.5.1 What?", "nonsense"):
        net = network(QUIT=farewell)
        sending = send_mail(net, "me@example.org", ["you@example.net"], b"x\r\n", tls="none", reactor=net.clock)
        assert len(net.result(sending).accepted) == 1


def test_send_mail_leaves_nothing_when_it_fails(network):
    net = network(MAIL="550 5.1.0 No")
    with pytest.raises(SMTPError, match="MAIL: 550"):
        net.result(send_mail(net, "me@example.org", ["you@example.net"], b"", tls="none", reactor=net.clock))
    assert net.servers[0].lost
    net = network()
    with pytest.raises(NotOffered):
        net.result(send_mail(net, "mé@example.org", ["you@example.net"], b"", tls="none", reactor=net.clock))
    assert net.servers[0].lost


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "END"])
def test_cancelled_anywhere(network, verb):
    net = network(offers=["AUTH PLAIN"], **{verb: SILENCE})
    sending = send_mail(
        net, "me@example.org", ["you@example.net"], b"x\r\n", tls="none", reactor=net.clock,
        auth=("me", "secret"), allow_insecure_auth=True,
    )  # fmt: skip
    outcome = Outcome(sending)
    net.flush()
    assert not outcome.fired
    sending.cancel()
    assert isinstance(outcome.error, CancelledError)
    net.flush()
    assert net.servers[0].lost
    assert net.clock.getDelayedCalls() == []
    assert len(outcome.results) == 1


def test_cancelled_at_the_farewell(network):
    """The server has accepted the message, and that is the result; the farewell ends by itself."""
    net = network(QUIT=SILENCE)
    sending = send_mail(net, "me@example.org", ["you@example.net"], b"x\r\n", tls="none", reactor=net.clock)
    outcome = Outcome(sending)
    net.flush()
    sending.cancel()
    assert len(outcome.result().accepted) == 1
    net.advance(10)
    assert net.servers[0].lost


async def test_the_farewell_leaves_at_once():
    """Also where the program ends with the result, as under ``react``: no turn of the reactor comes after it."""
    server = ScriptedServer(QUIT=SILENCE)
    port = await listening(reactor, lambda: server)
    await send_mail(f"tcp:127.0.0.1:{port.getHost().port}", "me@example.org", ["you@example.net"], b"x\r\n")
    while server.verbs[-1] != "QUIT":
        await deferLater(reactor, 0, lambda: None)
    server.send_reply("221 2.0.0 Bye")
    server.transport.loseConnection()
    await port.stopListening()


def test_cancelled_before_there_is_a_connection():
    class Waiting:
        def connect(self, factory):
            self.connecting = Deferred()
            return self.connecting

    net, endpoint = Network(), Waiting()
    sending = send_mail(endpoint, "me@example.org", ["you@example.net"], b"", tls="none", reactor=net.clock)
    outcome = Outcome(sending)
    sending.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert endpoint.connecting.called
    assert net.clock.getDelayedCalls() == []


async def test_cancelled_on_a_socket():
    """At every phase: the server sees the end of it, and nothing is left on the reactor."""
    for verb in ("GREETING", "EHLO", "MAIL", "DATA", "END"):
        gone: Deferred[None] = Deferred()
        asked: Deferred[None] = Deferred()

        class Server(ScriptedServer):
            def send_reply(self, answer, asked=asked):
                super().send_reply(answer)
                if answer == SILENCE:
                    asked.callback(None)

            def connectionLost(self, reason=None, gone=gone):
                super().connectionLost(reason)
                gone.callback(None)

        port = await listening(reactor, lambda Server=Server, verb=verb: Server(**{verb: SILENCE}))
        to = f"tcp:127.0.0.1:{port.getHost().port}"
        sending = send_mail(to, "me@example.org", ["you@example.net"], b"x\r\n")
        await asked
        sending.cancel()
        with pytest.raises((CancelledError, ConnectingCancelledError)):
            await sending
        await gone
        await port.stopListening()


async def test_over_a_unix_socket(tmp_path):
    """LMTP, as to Dovecot."""
    backend = MemoryBackend()
    path = str(tmp_path / "lmtp")
    port = reactor.listenUNIX(path, SMTPServerFactory(backend, lmtp=True))
    result = await send_mail(f"unix:{path}", "me@example.org", ["you@example.net"] * 2, b"x\r\n", lmtp=True)
    await port.stopListening()
    assert len(result.accepted) == 2
    assert backend.messages[0].content == b"x\r\n"


def test_a_client_of_ones_own_is_greeted(network):
    """Without ``connect``: the protocol alone."""
    net = network()
    client = net.client()
    assert net.result(client.greeting).code == 220
    assert not client.extensions
    net.result(client.close())
    assert net.servers[0].lost
