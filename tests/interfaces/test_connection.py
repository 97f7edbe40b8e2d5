"""What backends see of a connection: `txsmtpx.Connection`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from txsmtpx import Connection, OpenBackend, Session
from txsmtpx.testing import Conversation, RecordingBackend


def test_a_proxy_says_hello_in_its_own_name() -> None:
    conversation = Conversation(RecordingBackend())
    connection = conversation.protocol.dialog.connection
    connection.xclient = {"HELO": "client.example"}
    conversation.ask("EHLO proxy.example")
    assert connection.helo == "client.example"
    conversation.hang_up()


def test_what_the_client_said_is_forgotten_and_where_it_comes_from_is_not() -> None:
    """As STARTTLS wants it (RFC 3207 §4.2)."""
    connection = Connection("S", "localhost", lmtp=False)
    connection.helo, connection.extended, connection.username = "client.example", True, "me"
    connection.xclient = {"HELO": "a", "PROTO": "ESMTP", "LOGIN": "me", "ADDR": "192.0.2.7", "NAME": "b"}
    connection.xforward = {"ADDR": "192.0.2.8"}
    connection.forget()
    assert (connection.helo, connection.extended, connection.username) == ("", False, None)
    assert connection.xclient == {"ADDR": "192.0.2.7", "NAME": "b"}
    assert connection.xforward == {}


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"extended": False}, "SMTP"),
        ({"extended": False, "tls": True, "authenticated": True}, "SMTP"),
        ({}, "ESMTP"),
        ({"tls": True}, "ESMTPS"),
        ({"authenticated": True}, "ESMTPA"),
        ({"tls": True, "authenticated": True}, "ESMTPSA"),
        ({"utf8": True}, "UTF8SMTP"),
        ({"utf8": True, "tls": True, "authenticated": True}, "UTF8SMTPSA"),
        ({"lmtp": True}, "LMTP"),
        ({"lmtp": True, "tls": True}, "LMTPS"),
        ({"lmtp": True, "authenticated": True}, "LMTPA"),
        ({"lmtp": True, "utf8": True, "tls": True, "authenticated": True}, "UTF8LMTPSA"),
    ],
)
def test_with_protocol(facts: dict[str, bool], word: str) -> None:
    """RFC 3848, RFC 6531 §4.3."""
    connection = Connection("S", "localhost", lmtp="lmtp" in facts)
    connection.extended = facts.get("extended", True)
    connection.tls = object() if "tls" in facts else None
    connection.username = "me" if "authenticated" in facts else None
    assert connection.with_protocol(utf8="utf8" in facts) == word


def test_a_backend_aborts_the_connection():
    class Aborts(Session):
        def __init__(self, connection):
            self.connection = connection

        def rcpt(self, recipient, options):
            self.connection.abort()
            return Deferred()

    client = Conversation(OpenBackend(Aborts))
    client.ask("EHLO me", "MAIL FROM:<me@example.org>")
    assert client.ask("RCPT TO:<you@example.net>") == []
    assert client.closed
    client.hang_up()
    connection = client.protocol.dialog.connection
    connection.abort()
    assert connection.aborter is None
