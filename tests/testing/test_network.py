"""Client and server joined in memory: TLS is real, time is a clock, and the scripted server says what it was told."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txsmtpx import Certificate, MemoryBackend, SMTPError, TLSFailed, connect
from txsmtpx.testing import HANG_UP, SILENCE, Link, Network, Outcome, RecordingBackend, Script, ScriptedServer

MAIL = ("me@example.org", ["you@example.net"], b"Hi\r\n")


def test_both_ends_are_ours():
    backend = MemoryBackend()
    network = Network.to(backend)
    client = network.greeted()
    assert network.result(client.send(*MAIL)).accepted[0][0] == "you@example.net"
    network.result(client.quit())
    assert [each.content for each in backend.messages] == [b"Hi\r\n"]
    network.hang_up()


def test_tls(pem):
    backend = MemoryBackend()
    network = Network.to(backend, tls=Certificate(str(pem.both)), require_tls=True)
    client = network.greeted()
    with pytest.raises(SMTPError, match="Issue STARTTLS first"):
        network.result(client.send(*MAIL))
    network.result(client.start_tls(pem.client_options()))
    network.result(client.send(*MAIL))
    assert [each.protocol for each in backend.messages] == ["ESMTPS"]
    network.hang_up()


@pytest.mark.parametrize("hostname", ["localhost", "example.org"])
def test_as_an_endpoint(pem, hostname):
    """What takes an endpoint takes it: certificate and name are verified."""
    network = Network.to(MemoryBackend(), tls=Certificate(str(pem.both)))
    how = {"tls": "required", "hostname": hostname, "trust_roots": str(pem.certificate), "reactor": network.clock}
    outcome = Outcome(connect(network, **how))
    network.flush()
    if hostname == "localhost":
        network.result(outcome.result().send(*MAIL))
    else:
        assert isinstance(outcome.error, TLSFailed)
    network.hang_up()


def test_a_slow_delivery_takes_the_time_of_the_clock():
    async def data(message, context):
        await message.content()
        context.start_delivery("you@example.net", Deferred(), timeout=5)

    network = Network.to(RecordingBackend(data=data), lmtp=True)
    sending = Outcome(network.greeted(lmtp=True).send(*MAIL))
    network.flush()
    assert not sending.fired
    with pytest.raises(AssertionError, match="it waits"):
        sending.result()
    network.advance(5)
    assert "timeout reached" in str(sending.error)
    network.hang_up()


def test_timers_that_are_left():
    network = Network.to(MemoryBackend())
    network.clock.callLater(1, print)
    with pytest.raises(AssertionError, match="timers are left"):
        network.hang_up()


def test_several_servers():
    network = Network(ScriptedServer(GREETING=HANG_UP), ScriptedServer())
    with pytest.raises(Exception, match=r"lost|closed"):
        network.result(network.client().greeting)
    assert network.result(network.client().greeting).code == 220
    network.hang_up()


def test_a_factory_makes_as_many_as_come():
    script = Script(RCPT=["550 5.1.1 No"])
    network = Network(script)
    for _ in range(2):
        client = network.greeted()
        outcome = Outcome(client.send(*MAIL))
        network.flush()
        assert str(outcome.error) == "<you@example.net>: RCPT: 550 5.1.1 No"
    assert [server.verbs[:3] for server in script.servers] == [["EHLO", "MAIL", "RCPT"]] * 2
    network.hang_up()


@pytest.mark.parametrize(
    ("script", "asked", "said"),
    [
        ({}, ["NOOP"], ["250 2.0.0 Ok"]),
        ({"NOOP": "250-2.0.0 a\n250 2.0.0 b"}, ["noop"], ["250-2.0.0 a", "250 2.0.0 b"]),
        ({"NOOP": [SILENCE, None, b"2", b"50"]}, ["NOOP"] * 3, ["250 2.0.0 Ok", "2"]),
        ({"VRFY": lambda argument: f"252 2.5.0 {argument}?"}, ["VRFY me"], ["252 2.5.0 me?"]),
        ({"offers": ["SIZE 10", "STARTTLS"]}, ["EHLO a"], ["250-scripted.example", "250-SIZE 10", "250 STARTTLS"]),
        ({"close_after_sent": 28}, ["NOOP"], ["250 2."]),
        ({}, ["BDAT 0 LAST"], ["503 5.5.1 For whom"]),
        ({"BDAT": ["554 5.5.1 No"]}, ["BDAT 0 LAST", "BDAT 0 LAST"], ["554 5.5.1 No", "503 5.5.1 For whom"]),
        ({"BDAT": lambda argument: "554 5.5.1 No"}, ["BDAT 0"], ["554 5.5.1 No"]),
    ],
)
def test_what_the_script_says(script, asked, said):
    link = Link(ScriptedServer(**script), Clock())
    assert link.replies() == ["220 scripted.example"]
    assert link.ask(*asked) == said
    link.hang_up()


def test_what_the_script_has_heard():
    server = ScriptedServer(lmtp=True, END=["250 2.0.0 One", "452 4.2.2 Two"])
    link = Link(server, Clock())
    link.replies()
    link.ask("LHLO a", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA")
    assert link.ask("Subject: x", "", "..dot", ".") == ["250 2.0.0 One", "452 4.2.2 Two"]
    assert server.messages == [b"Subject: x\r\n\r\n.dot\r\n"]
    assert server.raw.endswith(b"\r\n.\r\n")
    link.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>")
    link.send(b"BDAT 2\r\nxyBDAT 1 LAST\r\n")
    link.send(b"z")
    assert (server.messages[1:], server.chunks) == ([b"xyz"], [b"xy", b"z"])
    link.hang_up()
    assert link.over
