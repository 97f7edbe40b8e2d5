"""The way to a connection that is ready for MAIL."""

from __future__ import annotations

import re

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, TimeoutError
from twisted.internet.task import Clock

from tests.ports import listening
from txsmtpx import NotOffered, SMTPError, Timeouts, connect, send_mail
from txsmtpx.testing import SILENCE, Network, Outcome, ScriptedServer
from txsmtpx.wire.connecting import chosen_reactor


@pytest.mark.system
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


@pytest.mark.system
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


def test_a_connection_has_its_time(network):
    class Nowhere:
        cancelled = False

        def connect(self, factory):
            def cancel(deferred):
                self.cancelled = True

            return Deferred(cancel)

    net = network()
    nowhere = Nowhere()
    outcome = Outcome(connect(nowhere, tls="none", timeouts=Timeouts(connect=9), reactor=net.clock))
    net.clock.advance(8.9)
    assert not outcome.fired
    net.clock.advance(0.2)
    assert isinstance(outcome.error, TimeoutError)
    assert "no connection within 9 seconds" in str(outcome.error)
    assert nowhere.cancelled


def test_the_reactor_that_a_caller_means():
    clock = Clock()
    assert chosen_reactor(None) is reactor
    assert chosen_reactor(clock) is clock
    assert chosen_reactor(reactor) is reactor


@pytest.mark.parametrize("wrong", [Clock, 42, "reactor", object()], ids=["a class", "42", "a text", "an object"])
def test_what_is_no_reactor(wrong):
    with pytest.raises(TypeError, match=f"^reactor is a reactor of Twisted or a Clock, not {re.escape(repr(wrong))}$"):
        chosen_reactor(wrong)


def test_the_whole_way_has_a_time(network):
    """A server that is slow at each step, but never longer than the time of the step."""
    net = network(EHLO=SILENCE)
    connecting = connect(net, tls="none", timeouts=Timeouts(ready=9), reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    net.advance(8.9)
    assert not outcome.fired
    net.advance(0.2)
    assert isinstance(outcome.error, TimeoutError)
    assert str(outcome.error).startswith("connect: not ready within 9 seconds")
    net.advance(100)
    assert net.servers[0].lost


def test_options_of_tls_that_cannot_be_used_are_refused_before_connecting(tmp_path):
    class Never:
        def connect(self, factory):
            raise AssertionError("nothing is connected")

    (tmp_path / "roots.pem").write_text("nonsense")
    with pytest.raises(ValueError, match=r"roots\.pem"):
        connect(Never(), tls="implicit", hostname="mx.example.net", trust_roots=str(tmp_path / "roots.pem"))


def test_tls_that_is_required_and_not_offered_is_no_reason_to_send_a_message_in_the_clear(network):
    net = network()
    outcome = Outcome(connect(net, tls="required", hostname="mx.example.net", reactor=net.clock))
    net.flush()
    assert isinstance(outcome.error, NotOffered)
    assert (outcome.error.command, outcome.error.temporary) == ("STARTTLS", True)
    assert net.servers[0].verbs == ["EHLO", "QUIT"]


@pytest.mark.parametrize("optional", [False, True])
def test_a_login_that_is_optional(network, optional):
    net = network()
    connecting = connect(net, tls="none", auth=("me", "secret"), auth_optional=optional, reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    assert (outcome.error is None) is optional
    assert net.servers[0].verbs == ["EHLO", "QUIT"][: 1 if optional else 2]


def test_a_login_that_is_rejected_says_quit(network):
    net = network(offers=["AUTH PLAIN"], AUTH="535 5.7.8 No")
    connecting = connect(net, tls="none", auth=("me", "secret"), allow_insecure_auth=True, reactor=net.clock)
    outcome = Outcome(connecting)
    net.flush()
    assert outcome.error.code == 535
    assert net.servers[0].verbs == ["EHLO", "AUTH", "QUIT"]
