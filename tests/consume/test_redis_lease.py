"""How a message of a stream is settled, and what becomes of its body in a file."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.consume.queue import envelope
from tests.consume.streams import NAME, Started, fields
from txsmtpx.consume import SourceError
from txsmtpx.consume.message_source import Remainder, Settlement
from txsmtpx.consume.redis_group import Entry
from txsmtpx.consume.redis_source import RETRY


@pytest.fixture
def start(monkeypatch):
    return lambda **how: Started(monkeypatch, **how)


@pytest.mark.parametrize("delay", [0, 7])
def test_what_is_tried_again_and_what_is_dead(start, delay):
    it = start()
    it.give(Entry("1-0", fields(), 2))
    it.group.take()
    again, dead = Remainder(envelope("b@example.net"), "Full"), Remainder(envelope("c@example.net"), "None")
    assert it.settle(Settlement(again, delay, dead)) == [None]
    ((_, id, first, seconds, second),) = it.group.take("settle")
    assert (id, seconds) == ("1-0", delay)
    assert (first["recipients"], first["attempts"], first["reason"]) == ('["b@example.net"]', "2", "Full")
    assert (second["recipients"], second["attempts"], second["reason"]) == ('["c@example.net"]', "2", "None")
    it.stop()


def test_the_body_of_a_handled_message_is_removed(start, tmp_path):
    (tmp_path / NAME).touch()
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    assert it.leases[0].message.body == tmp_path / NAME
    assert it.settle(Settlement()) == [None]
    assert [file.name for file in tmp_path.iterdir()] == [f"{NAME}.done"]
    it.stop()


def test_the_body_cannot_be_removed(start, tmp_path):
    """The message is handled all the same."""
    (tmp_path / NAME).mkdir()
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    with capturedLogs() as events:
        assert it.settle(Settlement()) == [None]
    assert "the file of a handled message remains" in formatEvent(events[0])
    it.stop()


def test_two_remainders_have_a_body_each(start, tmp_path):
    (tmp_path / NAME).write_bytes(b"long")
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    it.group.take()
    it.settle(Settlement(Remainder(envelope(), ""), 1, Remainder(envelope(), "")))
    ((*_, first, _, second),) = it.group.take("settle")
    assert "body_file" not in first
    assert (tmp_path / second["body_file"]).read_bytes() == (tmp_path / NAME).read_bytes() == b"long"
    it.stop()


def test_the_body_is_gone(start, tmp_path):
    it = start(bodies=str(tmp_path))
    it.give(Entry("1-0", fields(NAME), 1))
    found = it.settle(Settlement(Remainder(envelope(), ""), 1, Remainder(envelope(), "")))
    assert found[0].check(SourceError)
    it.stop()


def test_redis_fails_when_a_lease_is_settled(start):
    """The lease is over: the message comes again after the time without a sign of life."""
    it = start(most=1)
    it.give(Entry("1-0", fields(), 1))
    it.group.error = "redis here: Lost connection"
    found = it.settle(Settlement())
    assert str(found[0].value) == "redis here stream mail: redis here: Lost connection"
    assert found[0].check(SourceError)
    it.group.error = None
    it.clock.advance(RETRY)
    it.group.take()
    it.give()
    it.clock.advance(1)
    it.stop()


@pytest.mark.parametrize("fails", [False, True])
def test_a_lease_is_released_once(start, fails):
    it = start()
    it.give(Entry("1-0", fields(), 1))
    it.group.error = "redis here: refused" if fails else None
    with capturedLogs() as events:
        it.leases[0].release()
        it.leases[0].release()
    assert it.group.take("release") == [("release", "1-0")]
    assert len([each for each in events if "comes again later" in formatEvent(each)]) == fails
    it.group.error = None
    it.stop()
