"""A factory of scripted servers: in memory and on a port, each connection at the beginning of the script."""

from __future__ import annotations

import smtplib

import pytest
from twisted.internet.ssl import PrivateCertificate

from txsmtpx.testing import HANG_UP, Network, Outcome, Script

MAIL = ("me@example.org", ["you@example.net"], b"Hi\r\n")


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


def test_a_list_begins_anew_for_each_connection():
    script = Script(NOOP=["250 2.0.0 First"])
    one, other = script.buildProtocol(None), script.buildProtocol(None)
    assert one.replies["NOOP"] == other.replies["NOOP"] == ["250 2.0.0 First"]
    one.replies["NOOP"].clear()
    assert other.replies["NOOP"] == ["250 2.0.0 First"]
    assert script.servers == [one, other]


@pytest.mark.parametrize(
    ("script", "error"),
    [({"RPCT": "550 No"}, "no argument RPCT; did you mean RCPT"), ({"RCPT": 550}, "RCPT must be a reply")],
)
def test_what_cannot_be_used_is_refused_before_a_client_comes(script, error):
    with pytest.raises(TypeError, match=error):
        Script(**script)


def test_on_a_port(thread):
    script = Script(HELO=HANG_UP)
    assert (script.host, script.port) == ("127.0.0.1", 0)
    port = thread.call(script.listen, thread.reactor)
    with smtplib.SMTP(script.host, script.port, timeout=10) as client:
        assert client.ehlo()[0] == 250
    with smtplib.SMTP(script.host, script.port, timeout=10) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.helo()
    assert [server.verbs[0] for server in script.servers] == ["EHLO", "HELO"]
    thread.call(port.stopListening)
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(script.host, script.port, timeout=10)


def test_starttls_on_a_port(thread, pem):
    """A port can start TLS as the transports in memory can."""
    options = PrivateCertificate.loadPEM(pem.both.read_bytes()).options()
    script = Script(offers=["STARTTLS"], tls=options)
    port = thread.call(script.listen, thread.reactor)
    with smtplib.SMTP("localhost", script.port, timeout=10) as client:
        client.starttls(context=pem.client_context())
        assert not client.has_extn("starttls")
        assert client.noop()[0] == 250
    assert script.servers[0].tls
    thread.call(port.stopListening)
