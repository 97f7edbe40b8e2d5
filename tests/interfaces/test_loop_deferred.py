"""A Deferred for a caller in a loop of asyncio: the same result, and the same cancellation."""

from __future__ import annotations

import asyncio

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from txsmtpx import aio
from txsmtpx.interfaces.loop_deferred import LoopDeferred, explained
from txsmtpx.testing import Outcome


def in_loop(deferred):
    async def main():
        assert aio.running_loop() is not None
        return explained(deferred)

    return asyncio.run(main())


def test_without_a_loop_it_stays_what_it_is():
    deferred: Deferred[int] = Deferred()
    assert explained(deferred) is deferred


def test_the_result():
    assert Outcome(in_loop(succeed(5))).result() == 5
    assert isinstance(Outcome(in_loop(fail(KeyError("x")))).error, KeyError)


def test_to_cancel_it_cancels_the_other():
    deferred: Deferred[int] = Deferred()
    made = in_loop(deferred)
    assert isinstance(made, LoopDeferred)
    outcome = Outcome(made)
    made.cancel()
    assert deferred.called
    assert isinstance(outcome.error, CancelledError)


def test_its_text():
    made = in_loop(Deferred())
    assert "await txsmtpx.aio.wait(...)" in repr(made)
    assert "await txsmtpx.aio.wait(...)" in str(made)
