"""
RFC 5321 §4.1.1.10: a server that can still be understood is sent QUIT, after a refusal too; the error does not wait for
the reply.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from txsmtpx import DeliveryError, NotOffered, SMTPError, Timeouts, send_mail
from txsmtpx.testing import HANG_UP, SILENCE, Outcome, ScriptedServer

SECONDS = Timeouts(greeting=11, command=12, mail=13, rcpt=14, data=15, block=16, end=17, quit=3)
BODY = b"Subject: x\r\n\r\nx\r\n"


def sending(net, body=BODY, **more):
    how = {"tls": "none", "auth": ("me", "secret"), "allow_insecure_auth": True, "timeouts": SECONDS, **more}
    return send_mail(net, "me@example.org", ["you@example.net"], body, reactor=net.clock, **how)


NO = ["550 5.7.1 No", "450 4.7.1 Later", "554 5.7.1 Never", "421 4.3.2 Going down"]
REFUSED = {
    "greeting": ({"GREETING": None}, []),
    "EHLO": ({"EHLO": None, "HELO": None}, ["EHLO"]),
    "AUTH": ({"AUTH": None}, ["EHLO", "AUTH"]),
    "MAIL": ({"MAIL": None}, ["EHLO", "AUTH", "MAIL"]),
    "RCPT": ({"RCPT": None}, ["EHLO", "AUTH", "MAIL", "RCPT"]),
    "DATA": ({"DATA": None}, ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]),
    "message": ({"END": None}, ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]),
}
EACH = pytest.mark.parametrize("phase", REFUSED)


@EACH
@pytest.mark.parametrize("reply", NO)
@pytest.mark.parametrize("farewell", [None, SILENCE, HANG_UP, "500 5.5.1 What?", "nonsense"], ids=repr)
def test_quit_follows_a_refusal(network, phase, reply, farewell):
    script, verbs = REFUSED[phase]
    net = network(offers=["AUTH PLAIN"], QUIT=farewell, **dict.fromkeys(script, reply))
    outcome = Outcome(sending(net))
    net.flush()
    assert isinstance(outcome.error, DeliveryError)  # at once, whatever comes of QUIT
    assert reply in str(outcome.error)
    (server,) = net.servers
    helo = ["HELO"] if phase == "EHLO" and reply.startswith("550") else []
    assert server.verbs == [*verbs, *helo, "QUIT"]
    net.advance(SECONDS.quit)
    net.advance(0.1)
    net.advance(SECONDS.quit)
    assert server.lost
    assert net.clock.getDelayedCalls() == []


@pytest.mark.parametrize("reply", NO)
def test_quit_follows_a_refused_starttls(network, authority, reply):
    net = network(offers=["STARTTLS"], STARTTLS=reply)
    outcome = Outcome(sending(net, tls="required", hostname="mx.example.net", trust_roots=authority.path, auth=None))
    net.flush()
    assert str(outcome.error) == f"STARTTLS: {reply}"
    assert net.servers[0].verbs == ["EHLO", "STARTTLS", "QUIT"]
    assert net.servers[0].lost


@pytest.mark.parametrize("missing", ["tls", "auth", "message"])
def test_quit_follows_what_is_not_offered(network, missing):
    net = network(offers=["AUTH PLAIN"] if missing == "message" else [])
    outcome = Outcome(
        sending(net, tls="required", hostname="mx.example.net")
        if missing == "tls"
        else sending(net, body=BODY)
        if missing == "auth"
        else send_mail(net, "mé@example.org", ["you@example.net"], BODY, tls="none", reactor=net.clock)
    )
    net.flush()
    assert isinstance(outcome.error, NotOffered)
    assert net.servers[0].verbs == ["EHLO", "QUIT"]
    assert net.servers[0].lost


def test_quit_follows_a_body_that_failed_by_chunks(network):
    def body():
        yield BODY
        raise OSError("the disk is gone")

    net = network(offers=["CHUNKING"])
    outcome = Outcome(sending(net, body(), auth=None))
    net.flush()
    assert isinstance(outcome.error, OSError)
    assert net.servers[0].verbs == ["EHLO", "MAIL", "RCPT", "QUIT"]


BROKEN = {
    "no reply": {"MAIL": "nonsense"},
    "the wrong reply": {"MAIL": "354 Go on"},
    "a reply too many": {"EHLO": ["250-x\n250 AUTH PLAIN\n250 Again"]},
    "a closed connection": {"MAIL": HANG_UP},
    "silence": {"MAIL": SILENCE},
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_is_aborted(network, how):
    net = network(offers=["AUTH PLAIN"], **BROKEN[how])
    outcome = Outcome(sending(net))
    net.flush()
    net.advance(SECONDS.mail + 0.1)
    assert isinstance(outcome.error, DeliveryError)
    assert "QUIT" not in net.servers[0].verbs
    assert net.servers[0].lost
    assert net.clock.getDelayedCalls() == []


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "END"])
def test_what_is_cancelled_is_aborted(network, verb):
    net = network(offers=["AUTH PLAIN"], **{verb: SILENCE})
    outcome = Outcome(given := sending(net))
    net.flush()
    given.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert "QUIT" not in net.servers[0].verbs
    assert net.servers[0].lost


def test_421_within_the_body_is_not_answered(network):
    """QUIT would be a line of the message."""
    rest = Deferred()

    async def body():
        yield BODY
        await rest

    net = network()
    outcome = Outcome(sending(net, body(), auth=None))
    net.flush()
    net.servers[0].send_reply("421 4.3.2 Going down")
    net.flush()
    assert isinstance(outcome.error, SMTPError)
    assert net.servers[0].raw == BODY
    assert net.servers[0].lost


def test_421_before_other_replies_is_not_answered(network):
    """The server may still accept the DATA that it has received, and take QUIT for the message."""
    net = network(offers=["PIPELINING"], MAIL="421 4.3.2 Going down")
    outcome = Outcome(sending(net, auth=None))
    net.flush()
    assert isinstance(outcome.error, SMTPError)
    assert "QUIT" not in net.servers[0].verbs
    assert b"QUIT" not in net.servers[0].raw
    assert net.servers[0].lost


def test_421_out_of_the_blue_is_answered(network):
    net = network()
    client = net.greeted()
    net.servers[0].send_reply("421 4.4.2 Idle")
    net.flush()
    assert not client.usable
    assert net.servers[0].verbs == ["EHLO", "QUIT"]
    assert net.servers[0].lost


def test_421_to_quit_is_not_answered(network):
    net = network(QUIT="421 4.3.2 Going down")
    client = net.greeted()
    net.result(client.quit())
    assert net.servers[0].verbs == ["EHLO", "QUIT"]
    assert net.servers[0].lost


def test_a_silent_server_after_421_is_left(network):
    """It neither answers QUIT nor closes."""

    class Stays(ScriptedServer):
        def _command(self, line):
            if not line.startswith("QUIT"):
                super()._command(line)

    net = network(lambda: Stays(GREETING="421 4.3.2 Going down"))
    outcome = Outcome(sending(net))
    net.flush()
    assert isinstance(outcome.error, SMTPError)
    net.advance(SECONDS.quit + 0.1)
    assert net.clock.getDelayedCalls() == []
    assert net.servers[0].lost
