"""The wait for messages: it ends with the last of them, or with its time."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx import MemoryBackend
from txsmtpx.testing import Conversation, Outcome
from txsmtpx.testing.message_store import arrival


def send(backend):
    client = Conversation(backend)
    client.ask("HELO me", "MAIL FROM:<>", "RCPT TO:<you@example.net>", "DATA", ".")
    client.hang_up()


def test_it_ends_with_the_last_message():
    backend, clock = MemoryBackend(), Clock()
    outcome = Outcome(arrival(backend, 2, 5, clock))
    send(backend)
    assert not outcome.fired
    send(backend)
    assert outcome.result() == backend.messages
    assert clock.getDelayedCalls() == []


def test_it_ends_with_its_time():
    backend, clock = MemoryBackend(), Clock()
    outcome = Outcome(arrival(backend, 1, 5, clock))
    clock.advance(5)
    with pytest.raises(TimeoutError, match="0 of 1 messages in 5 seconds"):
        outcome.result()
    send(backend)  # it has unsubscribed
