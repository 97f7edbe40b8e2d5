"""The octets that are held at a time: their limit, their order, and the end of a wait."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from txsmtpx.wire.octet_budget import OctetBudget


def test_tasks_get_octets_in_their_order() -> None:
    budget = OctetBudget(100)
    first, second, third = budget.take(60), budget.take(50), budget.take(10)
    assert (first.result, second.called, third.called) == (60, False, False)
    budget.give_back(60)
    assert (second.result, third.result, budget.free) == (50, 10, 40)


def test_a_task_that_needs_more_than_all_gets_all() -> None:
    budget = OctetBudget(100)
    assert budget.take(1000).result == 100
    later = budget.take(1)
    assert not later.called
    budget.give_back(100)
    assert later.result == 1


def test_a_cancelled_task_leaves_the_queue() -> None:
    budget = OctetBudget(100)
    budget.take(60)
    second, third = budget.take(60), budget.take(40)
    second.cancel()
    second.addErrback(lambda failure: failure.trap(CancelledError))
    assert third.result == 40
    assert budget.free == 0
