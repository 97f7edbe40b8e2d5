"""Replies to commands that came together leave together (RFC 2920 §3.2), also when each waits for the backend."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from txsmtpx.grammar import replies
from txsmtpx.testing import Conversation, RecordingBackend
from txsmtpx.wire.server import BREATH

HELLO = "HELO client.example"
MAIL = "MAIL FROM:<a@client.example>"
RCPTS = [f"RCPT TO:<b{n}@localhost>" for n in range(4)]
SENDER_OK = "250 2.1.0 Sender ok"
RECIPIENT_OK = "250 2.1.5 Recipient ok"


def waiting(lmtp=False, **outcomes):
    """A conversation that has said hello."""
    client = Conversation(RecordingBackend(**outcomes), lmtp=lmtp)
    client.ask(HELLO.replace("HELO", "LHLO") if lmtp else HELLO)
    return client


def keeping():
    """A conversation in which the answer to a recipient waits for those to three more."""
    answers = [Deferred() for _ in RCPTS]
    client = waiting(rcpt=[*answers])
    client.ask(MAIL, *RCPTS)
    answers[0].callback(None)
    assert client.replies() == []
    return client


def test_what_is_answered_within_a_breath_is_one_write():
    answers = [Deferred() for _ in RCPTS]
    client = waiting(rcpt=[*answers])
    assert client.ask(MAIL, *RCPTS) == [SENDER_OK]  # so that the peer hears something soon
    for answer in answers[:2]:
        answer.callback(None)
        assert client.replies() == []
    client.clock.advance(BREATH / 2)
    assert client.replies() == []
    client.clock.advance(BREATH / 2)
    assert client.replies() == [RECIPIENT_OK] * 2
    client.hang_up()


def test_with_the_last_command_nothing_waits():
    answers = [Deferred() for _ in RCPTS]
    client = waiting(rcpt=[*answers])
    client.ask(MAIL, *RCPTS)
    for answer in answers[:2]:
        answer.callback(None)
    assert client.replies() == []
    answers[2].callback(None)  # the fourth is with the backend: nothing else is held
    assert client.replies() == [RECIPIENT_OK] * 3
    answers[3].callback(None)
    assert client.replies() == [RECIPIENT_OK]
    client.hang_up()


def test_a_backend_that_takes_longer_than_a_breath_keeps_no_answer_back():
    answers = [Deferred() for _ in RCPTS]
    client = waiting(rcpt=[*answers])
    client.ask(MAIL, *RCPTS)
    for answer in answers:
        client.clock.advance(2 * BREATH)
        answer.callback(None)
        assert client.replies() == [RECIPIENT_OK]
    client.hang_up()


def test_a_command_that_waits_for_ever_keeps_no_answer_back():
    first, never = Deferred(), Deferred()
    client = waiting(mail=[first], rcpt=[never])
    first.callback(None)
    client.ask(MAIL, "NOOP", RCPTS[0])
    assert client.replies() == []
    client.hang_up()


@pytest.mark.parametrize("urgent", ["NOOP", "VRFY b", "EHLO again", "NONSENSE", "\x01", "X" * 3000])
def test_other_replies_do_not_wait(urgent):
    answers = [Deferred() for _ in RCPTS]
    client = waiting(rcpt=[*answers], mail=[None, None])
    client.ask(MAIL, RCPTS[0], urgent, "RSET", MAIL, *RCPTS[1:])
    answers[0].callback(None)
    said = client.replies()
    assert said[0] == RECIPIENT_OK
    assert len(said) > 1
    assert client.protocol.input
    client.hang_up()


def test_nor_do_they_when_they_are_known_later():
    answers, later = [Deferred() for _ in RCPTS], Deferred()
    client = waiting(verify=[later], rcpt=[*answers])
    client.ask(MAIL, RCPTS[0], "VRFY b", RCPTS[1], "NOOP")
    answers[0].callback(None)
    assert client.replies() == []
    client.clock.advance(BREATH / 2)
    later.callback("b@localhost")
    assert client.replies() == [RECIPIENT_OK, "250 2.1.5 b@localhost"]
    assert client.protocol.input
    client.hang_up()


def test_outcomes_of_a_message_wait_for_nothing():
    data = Deferred()

    contexts = []

    def deliver(message, context):
        contexts.append(context)
        context.start_delivery(0, None)
        return data

    client = waiting(lmtp=True, data=deliver)
    client.ask(MAIL, *RCPTS[:2], "DATA")
    client.send(b"hello\r\n.\r\nNOOP\r\n")
    client.replies()
    contexts[0].set_status(0)
    assert len(client.replies()) == 1
    contexts[0].set_status(1)
    data.callback(None)
    assert len(client.replies()) == 2
    client.hang_up()


def test_the_end_takes_along_what_was_kept():
    client = keeping()
    client.protocol.dialog.say_goodbye(replies.SHUTTING_DOWN_421)
    assert client.replies() == [RECIPIENT_OK, replies.SHUTTING_DOWN_421.encode().decode().rstrip()]
    assert client.closed
    client.hang_up()


def test_a_peer_that_leaves_meanwhile_leaves_no_timer():
    client = keeping()
    client.hang_up()  # which looks at the timers
    assert client.replies() == []
