"""``connect`` and ``send_mail``: what an endpoint says of TLS, and one call that can be cancelled anywhere."""

from __future__ import annotations

import re

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import deferLater

from tests.ports import listening
from txsmtpx import MemoryBackend, NotOffered, SMTPError, SMTPServerFactory, send_mail
from txsmtpx.testing import HANG_UP, SILENCE, Outcome, ScriptedServer

NO_ENDPOINTS = ["", "tcp", "tcp:host:port", "nonsense:x", "tls:host", "tcp:ex\u3002ample:25", "mx:ex\u3002ample"]


@pytest.mark.parametrize("endpoint", NO_ENDPOINTS)
async def test_what_is_no_endpoint(endpoint):
    with pytest.raises(ValueError, match=rf"^no endpoint: {re.escape(endpoint)} \(.+\)$"):
        await send_mail(endpoint, "me@example.org", ["you@example.net"], b"")


async def test_what_is_no_mode():
    with pytest.raises(ValueError, match="opportunistic, required, implicit or none"):
        await send_mail("tcp:localhost:25", "me@example.org", ["you@example.net"], b"", tls=True)


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


@pytest.mark.system
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


@pytest.mark.system
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


@pytest.mark.system
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
