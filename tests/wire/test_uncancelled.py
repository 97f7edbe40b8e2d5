"""A result that is waited for by one who may not cancel the work behind it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from txsmtpx.testing import Outcome
from txsmtpx.wire.uncancelled import uncancelled


def test_the_result_is_passed_on() -> None:
    result: Deferred[int] = Deferred()
    later = Outcome(uncancelled(result))
    assert not later.fired
    result.callback(250)
    assert (later.result(), result.result) == (250, 250)


def test_an_error_is_passed_on() -> None:
    result: Deferred[int] = Deferred()
    later = Outcome(uncancelled(result))
    result.errback(OSError("x"))
    with pytest.raises(OSError, match="x"):
        later.result()


@pytest.mark.parametrize("fails", [False, True])
def test_who_cancels_does_not_end_the_work(fails: bool) -> None:
    cancelled: list[object] = []
    result: Deferred[int] = Deferred(cancelled.append)
    waiting = uncancelled(result)
    later = Outcome(waiting)
    waiting.cancel()
    with pytest.raises(CancelledError):
        later.result()
    assert cancelled == []
    if fails:
        result.errback(OSError("which no one waits for"))
    else:
        result.callback(250)
