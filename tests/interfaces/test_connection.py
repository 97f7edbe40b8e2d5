"""What backends see of a connection: `txsmtpx.Connection`."""

from __future__ import annotations

from txsmtpx import Connection
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
