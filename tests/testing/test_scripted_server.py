"""A `ScriptedServer` that fails as the addresses ask for, where no reply is prepared."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.testing import Link, ScriptedServer

REJECTED = "Rejected, as the address asks for"


class Client(Link):
    """A client of the server, which has sent its hello."""

    def __init__(self, **script) -> None:
        self.clock = Clock()
        super().__init__(ScriptedServer(**script), self.clock)
        self.ask("LHLO me" if script.get("lmtp") else "EHLO me")

    def codes(self, *lines: str) -> list[str]:
        return [line.partition(" R")[0] for line in self.ask(*lines)]


def test_at_mail_and_rcpt():
    client = Client()
    assert client.ask("MAIL FROM:<reject-553-5.1.8@x>", "MAIL FROM:<me@x> SIZE=5", "rcpt to: <defer@x>") == [
        f"553 5.1.8 {REJECTED}",
        "250 2.1.0 Sender ok",
        "451 4.7.1 Deferred, try again later",
    ]
    assert client.ask("RCPT TO:<@a,@b:reject-550@x>") == [f"550 5.0.0 {REJECTED}"]
    assert client.ask("DATA", "Hi", ".")[-1][:3] == "250"
    client.hang_up()


def test_prepared_replies_come_first():
    client = Client(RCPT=["250 2.1.5 Prepared"])
    client.ask("MAIL FROM:<me@x>")
    assert client.codes(*["RCPT TO:<reject-550@x>"] * 2) == ["250 2.1.5 Prepared", "550 5.0.0"]
    client.hang_up()


def test_delays_keep_the_order():
    client = Client()
    assert client.ask("MAIL FROM:<me@x>") == ["250 2.1.0 Sender ok"]
    assert client.ask("RCPT TO:<slow-3s@x>", "RCPT TO:<slow-2s@x>", "RCPT TO:<you@x>", "QUIT") == []
    client.clock.advance(3)
    assert client.replies() == ["250 2.1.5 Recipient ok"]
    client.clock.advance(2)
    assert [line[:3] for line in client.replies()] == ["250", "250", "221"]
    assert client.over


def test_a_delay_ends_with_the_connection():
    client = Client()
    client.ask("MAIL FROM:<slow-3s@x>")
    client.hang_up()
    assert client.clock.getDelayedCalls() == []


@pytest.mark.parametrize("address", ["drop@x", "reject-421-4.3.2@x"])
def test_the_connection_is_closed(address):
    client = Client()
    replies = client.codes("MAIL FROM:<me@x>", f"RCPT TO:<{address}>", "RCPT TO:<you@x>")
    assert replies[1:2] == ([] if address == "drop@x" else ["421 4.3.2"])
    assert client.over


MESSAGE = ("DATA", "Hi", ".")


def test_the_end_of_a_message_by_smtp():
    client = Client()
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-452-4.2.2@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["452 4.2.2"]
    client.ask("MAIL FROM:<data-554@x>", "RCPT TO:<you@x>")
    assert client.codes(*MESSAGE)[1:] == ["554 5.0.0"]
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<data-slow-3s@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["550 5.0.0"]
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-slow-3s@x>")
    assert client.codes(*MESSAGE)[1:] == []
    client.clock.advance(3)
    assert client.replies() == ["250 2.0.0 Taken"]
    client.hang_up()


def test_the_end_of_a_message_by_lmtp():
    client = Client(lmtp=True)
    client.ask("MAIL FROM:<me@x>", "RCPT TO:<you@x>", "RCPT TO:<data-452-4.2.2@x>", "RCPT TO:<data-550@x>")
    assert client.codes(*MESSAGE)[1:] == ["250 2.0.0 Taken", "452 4.2.2", "550 5.0.0"]
    client.hang_up()
