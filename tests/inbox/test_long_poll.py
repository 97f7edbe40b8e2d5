"""Requests that wait for a message."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.inbox.site import Web
from txsmtpx.inbox.long_poll import LongPoll
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.testing import Outcome


def test_wait_for_a_message(web):
    line = web.line("GET", "/api/messages?search=to:you&wait=10")
    web.keep(b"", "another@example.net")
    web.clock.advance(9.9)
    assert line.answer is None
    web.keep(b"", "you@example.net")
    assert [each["id"] for each in line.answer.json["messages"]] == [2]
    assert web.json("/api/messages?search=to:you&wait=10")["total"] == 1


def test_wait_for_nothing(web):
    line = web.line("GET", "/api/messages?wait=10")
    web.clock.advance(9.9)
    assert line.answer is None
    web.clock.advance(0.1)
    assert line.answer.json["messages"] == []


def test_wait_and_go_away(web):
    line = web.line("GET", "/api/messages?wait=10")
    assert [call.time for call in web.clock.getDelayedCalls() if call.time == 10] == [10]
    line.protocol.connectionLost(Failure(ConnectionDone()))
    assert [call.time for call in web.clock.getDelayedCalls() if call.time == 10] == []
    web.keep(b"")
    web.clock.work()
    assert line.transport.value() == b""


def test_a_request_that_waits_looks_only_at_new_messages(web, monkeypatch):
    """Each message once, however many there are, and not at those that are gone before it comes to them."""
    looked = []
    matches = MessageSummary.matches
    monkeypatch.setattr(MessageSummary, "matches", lambda each, *args: looked.append(each.id) or matches(each, *args))
    for _ in range(50):
        web.keep(b"")
    lines = [web.line("GET", f"/api/messages?search=subject:{n}&wait=10") for n in range(3)]
    assert sorted(looked) == sorted([*range(1, 51)] * 3)
    looked.clear()
    web.keep(b"Subject: 1\r\n\r\n")
    web.clock.work()
    assert looked == [51] * 3
    web.keep(b"Subject: 2\r\n\r\n")
    web.backend.delete(52)
    web.keep(b"Subject: 0\r\n\r\n")
    web.clock.work()
    assert looked == [51] * 3 + [53] * 2
    assert [line.answer and line.answer.json["messages"][0]["id"] for line in lines] == [53, 51, None]
    web.clock.advance(10)
    assert lines[2].answer.json["total"] == 0


def test_the_number_of_requests_that_wait_is_limited(monkeypatch):
    monkeypatch.setattr("txsmtpx.inbox.inbox_site.MAX_CONNECTIONS", 8)
    web = Web()
    lines = [web.line("GET", "/api/messages?wait=10") for _ in range(4)]
    said = web.get("/api/messages?wait=10")
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert said.json["error"]
    lines[0].protocol.connectionLost(Failure(ConnectionDone()))
    lines.append(web.line("GET", "/api/messages?wait=10"))
    web.keep(b"")
    assert [line.answer.json["total"] for line in lines[1:]] == [1] * 4
    web.stop()


# ---- by itself


def test_a_message_wakes_it():
    poll = LongPoll()
    event = Outcome(poll.next_event())
    assert not event.fired
    poll.wake()
    assert event.fired
    assert not poll.expired


def test_the_end_of_its_time_wakes_it_for_good():
    poll = LongPoll()
    event = Outcome(poll.next_event())
    poll.expire()
    assert event.fired
    assert poll.expired


def test_each_wait_is_woken_once():
    poll = LongPoll()
    poll.wake()  # while nothing waits
    first = Outcome(poll.next_event())
    poll.wake()
    poll.wake()
    second = Outcome(poll.next_event())
    assert (len(first.results), second.fired) == (1, False)
    poll.expire()
    assert second.fired


def test_time_that_ends_while_nothing_waits_is_noted():
    poll = LongPoll()
    poll.expire()
    assert poll.expired
