"""The look-ups for the addresses of one host (RFC 8305 §3): neither family delays the other."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock

from txsmtpx.testing import Outcome
from txsmtpx.wire.address_lookup import RESOLUTION_DELAY, AddressLookup

SIX, FOUR = ["2001:db8::1", "2001:db8::2", "2001:db8::3"], ["192.0.2.1", "192.0.2.2"]


class Lookups:
    """Look-ups of both families, which a test answers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.six: Deferred[list[str]] = Deferred()
        self.four: Deferred[list[str]] = Deferred()
        self.lookup = AddressLookup(self.clock, [self.six, self.four])

    def batch(self) -> Outcome[list[str]]:
        return Outcome(Deferred.fromCoroutine(self.lookup.next_batch()))


def test_both_families_are_interleaved_the_preferred_one_first():
    lookups = Lookups()
    batch = lookups.batch()
    lookups.four.callback(FOUR)
    assert not batch.fired
    lookups.six.callback(SIX)
    assert batch.result() == [SIX[0], FOUR[0], SIX[1], FOUR[1], SIX[2]]
    assert lookups.batch().result() == []
    assert lookups.clock.getDelayedCalls() == []


@pytest.mark.parametrize(("first", "second", "found"), [("four", "six", (FOUR, SIX)), ("six", "four", (SIX, FOUR))])
def test_one_family_waits_a_little_for_the_other_and_no_longer(first, second, found):
    lookups = Lookups()
    batch = lookups.batch()
    getattr(lookups, first).callback(found[0])
    lookups.clock.advance(RESOLUTION_DELAY - 0.001)
    assert not batch.fired
    lookups.clock.advance(0.002)
    assert batch.result() == found[0]
    later = lookups.batch()
    assert not later.fired
    getattr(lookups, second).callback(found[1])
    assert later.result() == found[1]
    assert lookups.clock.getDelayedCalls() == []


def test_a_family_without_addresses_is_no_reason_to_answer():
    lookups = Lookups()
    batch = lookups.batch()
    lookups.six.callback([])
    lookups.clock.advance(10)
    assert not batch.fired
    lookups.four.callback(FOUR)
    assert batch.result() == FOUR


def test_look_ups_that_were_finished_before():
    lookup = AddressLookup(Clock(), [succeed([]), succeed(FOUR)])
    assert Outcome(Deferred.fromCoroutine(lookup.next_batch())).result() == FOUR


def test_failures_are_kept_and_the_rest_is_used():
    lookups = Lookups()
    batch = lookups.batch()
    lookups.six.errback(error := OSError("no AAAA"))
    assert not batch.fired
    lookups.four.callback(FOUR)
    assert batch.result() == FOUR
    assert lookups.lookup.failures == [error]


def test_when_all_have_failed_there_is_nothing():
    lookups = Lookups()
    batch = lookups.batch()
    lookups.six.errback(OSError("six"))
    lookups.four.errback(OSError("four"))
    assert batch.result() == []
    assert [str(error) for error in lookups.lookup.failures] == ["six", "four"]


def test_stopped_it_cancels_what_still_runs():
    lookups = Lookups()
    outcomes = [Outcome(lookups.six), Outcome(lookups.four)]
    lookups.four.callback(FOUR)
    lookups.lookup.stop()
    assert lookups.six.called
    assert outcomes[0].error is None  # the look-up has handled it
    assert lookups.lookup.failures == []
    assert lookups.batch().result() == FOUR


def test_a_wait_that_is_cancelled_leaves_no_timer():
    lookups = Lookups()
    lookups.four.callback(FOUR)
    waiting = Deferred.fromCoroutine(lookups.lookup.next_batch())
    outcome = Outcome(waiting)
    waiting.cancel()
    assert isinstance(outcome.error, CancelledError)
    assert lookups.clock.getDelayedCalls() == []
    lookups.six.callback(SIX)
    assert lookups.batch().result() == [SIX[0], FOUR[0], SIX[1], FOUR[1], SIX[2]]
