"""C{memory} keeps what it is given, C{null} nothing."""

from __future__ import annotations

import dataclasses

import pytest

from txsmtpx import MemoryBackend
from txsmtpx.backends.null import null_backend
from txsmtpx.testing import Conversation


def say(backend, *lines, **settings):
    client = Conversation(backend, **settings)
    said = client.ask(*lines)
    client.hang_up()
    return said


def test_all_of_a_message():
    backend = MemoryBackend()
    hello = ("EHLO a", "MAIL FROM:<a@client.example> SIZE=7 BODY=8BITMIME", "RCPT TO:<b@localhost>", "RCPT TO:<c@d>")
    said = say(backend, *hello, "DATA", "Subject: hi", "", "body", ".")
    (message,) = backend.messages
    assert (message.sender, message.recipients) == ("a@client.example", ("b@localhost", "c@d"))
    assert message.content == b"Subject: hi\r\n\r\nbody\r\n"
    assert message.message["Subject"] == "hi"
    assert message.message.get_content() == "body\r\n"
    assert (message.options.size, message.options.body) == (7, "8BITMIME")
    assert len(message.recipient_options) == 2
    assert said[-1] == f"250 2.0.0 Ok: queued as {message.queue_id}"
    assert message.username is None


def test_messages_cannot_be_changed():
    backend = MemoryBackend()
    say(backend, "EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", ".")
    with pytest.raises(dataclasses.FrozenInstanceError):
        backend.messages[0].sender = "someone else"


def test_in_order_and_only_what_is_whole():
    backend = MemoryBackend()
    message = ("RCPT TO:<b@localhost>", "DATA", ".")
    say(backend, "EHLO a", "MAIL FROM:<1@a>", *message, "MAIL FROM:<2@a>", *message, "MAIL FROM:<3@a>", *message[:2])
    assert [each.sender for each in backend.messages] == ["1@a", "2@a"]


def test_two_backends_do_not_share():
    one, other = MemoryBackend(), MemoryBackend()
    say(one, "EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", ".")
    assert (len(one.messages), len(other.messages)) == (1, 0)


def test_null_takes_everything():
    said = say(null_backend(), "EHLO a", "MAIL FROM:<>", "RCPT TO:<b@localhost>", "DATA", "x" * 900, ".", "NOOP")
    assert said[-2].startswith("250 2.0.0 Ok: queued as ")
    assert said[-1] == "250 2.0.0 Ok"
