"""Nobody holds up the others, however many commands he says at once, and nobody fills the memory with their answers."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.testing import Conversation, RecordingBackend
from txsmtpx.wire.back_pressure import LOOK, TURN

OK = "250 2.0.0 Ok"


@pytest.fixture
def client():
    client = Conversation(RecordingBackend(), read_timeout=10)
    client.replies()
    yield client
    client.hang_up()


def test_a_turn_has_an_end(client):
    assert client.ask(*["NOOP"] * (2 * TURN + 1)) == [OK] * TURN
    client.clock.advance(0)
    assert client.replies() == [OK] * (TURN + 1)
    assert client.ask("NOOP") == [OK]


def test_what_comes_meanwhile_waits(client):
    client.ask(*["NOOP"] * (TURN + 1))
    assert client.ask("WHAT") == []
    client.clock.advance(0)
    assert client.replies() == [OK, "500 5.5.2 Command not recognized"]


def test_a_whole_turn_and_no_more(client):
    assert client.ask(*["NOOP"] * TURN) == [OK] * TURN
    assert client.ask("NOOP") == [OK]


def test_who_vanishes_between_two(client):
    client.ask(*["NOOP"] * (TURN + 1))
    client.hang_up()


def test_who_is_sent_away_between_two(client):
    client.ask(*["NOOP"] * (TURN + 1))
    client.protocol.goodbye()
    assert client.replies() == ["421 4.3.2 Service shutting down, closing the connection"]
    client.clock.advance(0)
    assert client.replies() == []


def test_who_does_not_read_waits_for_both(client):
    client.ask(*["NOOP"] * (TURN + 1))
    client.transport.producer.pauseProducing()
    client.clock.advance(0)
    assert client.replies() == []
    client.transport.producer.resumeProducing()
    assert client.replies() == [OK]


def test_a_message_among_the_commands(client):
    said = ["EHLO c.example", *["NOOP"] * (TURN - 4), "MAIL FROM:<a@c.example>", "RCPT TO:<b@localhost>", "DATA"]
    assert client.ask(*said, "hi", ".", "NOOP")[-1][:3] == "354"
    client.clock.advance(0)
    assert [line[:3] for line in client.replies()] == ["250", "250"]
    assert client.backend.methods.count("data") == 1


def test_commands_that_take_long_have_shorter_turns():
    clock = Clock()

    def rcpt(*_: object) -> None:
        clock.rightNow += 0.003  # as a domain takes that has to be made an A-label

    client = Conversation(RecordingBackend(rcpt=rcpt), clock=clock)
    client.ask("EHLO client.example", "MAIL FROM:<>")
    said = client.ask(*["RCPT TO:<a@b.example>"] * TURN)
    assert LOOK < len(said) <= 4 * LOOK
    clock.advance(0)
    assert len(said) + len(client.replies()) == TURN
    client.hang_up()
