"""Replies that wait for one that is delayed."""

from __future__ import annotations

from twisted.internet.task import Clock

from txsmtpx.testing.reply_queue import ReplyQueue


class Transport:
    def __init__(self) -> None:
        self.clock = Clock()


def test_a_delay_holds_those_after_it():
    sent, transport = [], Transport()
    queue = ReplyQueue(sent.append)
    for reply, seconds in (("one", 0), ("two", 2), ("three", 0), ("four", 1)):
        queue.add(reply, seconds, transport)
    assert sent == ["one"]
    transport.clock.advance(2)
    assert sent == ["one", "two", "three"]
    transport.clock.advance(1)
    assert sent == ["one", "two", "three", "four"]
    assert transport.clock.getDelayedCalls() == []


def test_nothing_is_sent_after_clear():
    sent, transport = [], Transport()
    queue = ReplyQueue(sent.append)
    queue.add("one", 2, transport)
    queue.clear()
    assert (sent, transport.clock.getDelayedCalls()) == ([], [])
