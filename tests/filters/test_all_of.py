"""Several coroutines at the same time: their results, their errors, and the end of the wait."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed

from txsmtpx.filters.all_of import all_of
from txsmtpx.testing import Outcome


async def waiting(deferred: Deferred[int]) -> int:
    return await deferred


def test_results_are_in_order() -> None:
    first: Deferred[int] = Deferred()
    outcome = Outcome(Deferred.fromCoroutine(all_of([waiting(first), waiting(succeed(2))])))
    assert not outcome.fired
    first.callback(1)
    assert outcome.result() == [1, 2]


def test_none() -> None:
    assert Outcome(Deferred.fromCoroutine(all_of([]))).result() == []


def test_the_first_error_is_raised_as_it_is() -> None:
    deferreds: list[Deferred[int]] = [Deferred(), Deferred()]
    outcome = Outcome(Deferred.fromCoroutine(all_of(map(waiting, deferreds))))
    deferreds[1].errback(ValueError("two"))
    assert isinstance(outcome.error, ValueError)
    deferreds[0].errback(ValueError("one"))  # which goes unheard, and is handled


def test_to_cancel_the_wait_cancels_all() -> None:
    deferreds: list[Deferred[int]] = [Deferred(), Deferred()]
    given = Deferred.fromCoroutine(all_of(map(waiting, deferreds)))
    outcome = Outcome(given)
    given.cancel()
    assert all(each.called for each in deferreds)
    with pytest.raises(CancelledError):
        outcome.result()
