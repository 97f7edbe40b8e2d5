"""Connection attempts at staggered times (RFC 8305 §5): the first that succeeds is used."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock

from txsmtpx.testing import Outcome
from txsmtpx.wire.race import ATTEMPT_DELAY, Race


class Attempts:
    """A race whose attempts end when a test says so."""

    def __init__(self, addresses: str, **at_once: Deferred[str]) -> None:
        self.clock = Clock()
        self.begun: dict[str, Deferred[str]] = {}
        self.cancelled: list[str] = []
        self._at_once = at_once
        self.race = Race(self.clock, list(addresses), self._connect)
        self.running = self.race.run()
        self.outcome = Outcome(self.running)

    def _connect(self, address: str) -> Deferred[str]:
        default: Deferred[str] = Deferred(lambda _: self.cancelled.append(address))
        attempt = self.begun[address] = self._at_once.get(address, default)
        return attempt

    def over(self) -> bool:
        """Whether no timer is left."""
        return self.clock.getDelayedCalls() == []


def test_the_first_that_succeeds_wins_and_no_other_begins():
    attempts = Attempts("abc", a=succeed("connected"))
    assert attempts.outcome.result() == ("a", "connected")
    assert list(attempts.begun) == ["a"]
    assert attempts.race.left == ["b", "c"]
    assert attempts.over()


def test_another_begins_after_the_delay_and_not_before():
    attempts = Attempts("abc")
    attempts.clock.advance(ATTEMPT_DELAY - 0.01)
    assert list(attempts.begun) == ["a"]
    attempts.clock.advance(0.02)
    assert list(attempts.begun) == ["a", "b"]
    attempts.clock.advance(ATTEMPT_DELAY)
    assert list(attempts.begun) == ["a", "b", "c"]
    assert attempts.over()  # no further attempt is due
    attempts.begun["b"].callback("connected")
    assert attempts.outcome.result() == ("b", "connected")
    assert sorted(attempts.cancelled) == ["a", "c"]
    assert attempts.race.left == ["a", "c"]


def test_another_begins_at_once_when_one_has_failed():
    attempts = Attempts("abc")
    attempts.begun["a"].errback(OSError("refused"))
    assert list(attempts.begun) == ["a", "b"]
    assert attempts.race.left == ["b", "c"]
    attempts.clock.advance(ATTEMPT_DELAY)
    assert list(attempts.begun) == ["a", "b", "c"]
    attempts.begun["c"].callback("connected")
    assert attempts.outcome.result() == ("c", "connected")
    assert [address for address, _ in attempts.race.failures] == ["a"]


def test_when_all_have_failed_there_is_none():
    errors = [OSError("one"), OSError("two")]
    attempts = Attempts("ab", a=fail(errors[0]), b=fail(errors[1]))
    assert attempts.outcome.fired
    assert attempts.outcome.result() is None
    assert attempts.race.failures == [("a", errors[0]), ("b", errors[1])]
    assert attempts.race.left == []
    assert attempts.over()


def test_the_last_that_still_runs_is_waited_for():
    attempts = Attempts("ab", a=fail(OSError("one")))
    attempts.clock.advance(100)
    assert not attempts.outcome.fired
    attempts.begun["b"].callback("connected")
    assert attempts.outcome.result() == ("b", "connected")


def test_without_addresses_there_is_none():
    assert Attempts("").outcome.result() is None


def test_cancelled_it_cancels_all_and_begins_no_other():
    attempts = Attempts("abc")
    attempts.clock.advance(ATTEMPT_DELAY)
    attempts.running.cancel()
    assert isinstance(attempts.outcome.error, CancelledError)
    assert attempts.cancelled == ["a", "b"]
    assert attempts.over()
    assert list(attempts.begun) == ["a", "b"]


def test_an_attempt_that_is_cancelled_is_no_failure():
    attempts = Attempts("ab")
    attempts.clock.advance(ATTEMPT_DELAY)
    attempts.begun["b"].callback("connected")
    assert attempts.cancelled == ["a"]
    assert attempts.race.failures == []
