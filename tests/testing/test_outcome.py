"""The outcome of a Deferred: what is there before it fires, and after."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from txsmtpx.testing import Outcome


def test_before_it_has_fired():
    outcome = Outcome(Deferred())
    assert (outcome.fired, outcome.error, outcome.results) == (False, None, [])
    with pytest.raises(AssertionError, match="it waits"):
        outcome.result()


@pytest.mark.parametrize("value", [250, None, [], ValueError("as a value")])
def test_a_value(value):
    """None and an exception that is returned are values too."""
    outcome = Outcome(succeed(value))
    assert (outcome.fired, outcome.error, outcome.results) == (True, None, [value])
    assert outcome.result() is value


def test_an_error():
    error = KeyError("no")
    outcome = Outcome(fail(error))
    assert (outcome.fired, outcome.error) == (True, error)
    for _ in range(2):
        with pytest.raises(KeyError) as raised:
            outcome.result()
        assert raised.value is error


def test_it_fires_later():
    waiting = Deferred()
    outcome = Outcome(waiting)
    waiting.callback(1)
    assert outcome.result() == 1


def test_a_failure_counts_as_handled(logged_failures):
    Outcome(fail(ValueError("nobody asks")))
    assert logged_failures.flush() == []
