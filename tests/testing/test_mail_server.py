"""A server for the tests of others, without pytest: what it is, what it is given, and that nothing of it is left."""

from __future__ import annotations

import gc
import os
import smtplib
import threading
import time

import pytest
from twisted.internet.defer import Deferred

from txsmtpx import OpenBackend, Session
from txsmtpx.testing import MailServer, ReactorThread


def send(server, recipient="you@example.net", body=b"Hey"):
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.sendmail("me@example.org", [recipient], body)


def test_without_a_test_runner():
    with MailServer() as server:
        send(server)
        assert [each.recipients for each in server.messages] == [("you@example.net",)]
    with pytest.raises(OSError, match="refused"):
        send(server)


def test_the_messages_are_there_when_it_has_stopped():
    with MailServer() as server:
        send(server)
    assert [each.content for each in server.messages] == [b"Hey\r\n"]


def test_again():
    """On another port perhaps, with what it had."""
    server = MailServer(tls="starttls")
    for count in (1, 2):
        with server:
            send(server)
            assert len(server.messages) == count
            assert server.certificate.certificate.exists()
        assert server.certificate is None


def test_nothing_is_left():
    with MailServer(tls="implicit"):
        pass
    gc.collect()
    before = set(os.listdir("/proc/self/fd")), set(threading.enumerate())
    for _ in range(3):
        with MailServer(tls="implicit", users={"me": "secret"}) as server:
            context = server.certificate.client_context()
            with smtplib.SMTP_SSL(server.host, server.port, timeout=10, context=context) as client:
                client.login("me", "secret")
    gc.collect()
    assert (set(os.listdir("/proc/self/fd")), set(threading.enumerate())) == before


def test_who_is_still_connected_is_told():
    with MailServer() as server:
        client = smtplib.SMTP(server.host, server.port, timeout=10)
    assert client.getreply()[0] == 421
    client.close()


def test_who_is_in_the_middle_is_cut_off(monkeypatch):
    monkeypatch.setattr("txsmtpx.testing.mail_server.LAST_WORDS", 0.05)
    backend = OpenBackend(lambda connection: Endless())
    with MailServer(backend) as server:
        client = smtplib.SMTP(server.host, server.port, timeout=10)
        client.ehlo()
        client.mail("me@example.org")
        client.putcmd("rcpt", "to:<you@example.net>")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        client.getreply()
    client.close()


class Endless(Session):
    def rcpt(self, recipient, options):
        return Deferred()


def test_two_in_one_thread():
    thread = ReactorThread()
    with MailServer(where=thread) as one, MailServer(where=thread) as other:
        send(one)
        assert (len(one.messages), len(other.messages)) == (1, 0)
        assert one.port != other.port
    thread.stop()


@pytest.mark.parametrize("method", ["wait_for", "when_received", "clear", "stop", "django_settings", "flask_settings"])
def test_before_it_is_started(method):
    with pytest.raises(RuntimeError, match=r"has not been started.*call start\(\)"):
        getattr(MailServer(), method)()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": "1"}, "count must be a whole number, not '1'"),
        ({"patience": "2"}, "patience must be a number, not '2'"),
        ({"patience": None}, "patience must be a number, not None"),
    ],
)
def test_wrong_arguments_of_waiting(arguments, message):
    with MailServer() as server, pytest.raises(TypeError, match=f"wait_for: {message}"):
        server.wait_for(**arguments)


def test_waiting_takes_no_longer_than_the_mail():
    with MailServer() as server:
        started = time.monotonic()
        sender = threading.Thread(target=send, args=[server])
        sender.start()
        (received,) = server.wait_for(1, patience=20)
        sender.join()
    assert received.content == b"Hey\r\n"
    assert time.monotonic() - started < 10
