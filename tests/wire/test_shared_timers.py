"""`SharedTimers`: one timer for the connections of a second, and none without connections."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.wire.shared_timers import SharedTimers


class Alarm:
    """Notes when it is woken."""

    def __init__(self, timers, then=None):
        self.timers = timers
        self.then = then
        self.woken = []

    def wake(self):
        self.woken.append(self.timers.clock.seconds())
        if self.then is not None:
            self.then()


@pytest.fixture
def timers():
    return SharedTimers(Clock())


def test_all_of_a_second_share_a_timer(timers):
    alarms = [Alarm(timers) for _ in range(100)]
    for alarm in alarms:
        timers.add(alarm, 300)
    (timer,) = timers.clock.getDelayedCalls()
    assert timer.getTime() == 300
    timers.clock.advance(299.9)
    assert not any(alarm.woken for alarm in alarms)
    timers.clock.advance(0.1)
    assert all(alarm.woken == [300] for alarm in alarms)
    assert timers.clock.getDelayedCalls() == []


def test_a_later_second_needs_no_timer_of_its_own(timers):
    first, second = Alarm(timers), Alarm(timers)
    timers.add(first, 10)
    (timer,) = timers.clock.getDelayedCalls()
    timers.add(second, 20)
    assert timers.clock.getDelayedCalls() == [timer]
    timers.clock.advance(10)
    timers.clock.advance(10)
    assert (first.woken, second.woken) == ([10], [20])
    assert timers.clock.getDelayedCalls() == []


def test_an_earlier_second_moves_the_timer(timers):
    first, second = Alarm(timers), Alarm(timers)
    timers.add(first, 20)
    timers.add(second, 10)
    (timer,) = timers.clock.getDelayedCalls()
    assert timer.getTime() == 10
    timers.clock.pump([10, 10])
    assert (first.woken, second.woken) == ([20], [10])


def test_a_second_that_has_begun(timers):
    timers.clock.advance(5)
    alarm = Alarm(timers)
    timers.add(alarm, 4)
    timers.clock.advance(0)
    assert alarm.woken == [5]


def test_several_seconds_at_once_in_their_order(timers):
    order = []
    for second in (7, 3, 5):
        timers.add(Alarm(timers, lambda second=second: order.append(second)), second)
    timers.clock.advance(100)
    assert order == [3, 5, 7]


def test_no_timer_without_connections(timers):
    first, second, later = Alarm(timers), Alarm(timers), Alarm(timers)
    timers.add(first, 10)
    timers.add(second, 10)
    timers.add(later, 20)
    timers.remove(first, 10)
    timers.remove(first, 10)
    timers.remove(second, 10)
    assert len(timers.clock.getDelayedCalls()) == 1
    timers.remove(later, 20)
    assert timers.clock.getDelayedCalls() == []
    timers.add(first, 30)
    timers.clock.advance(30)
    assert (first.woken, second.woken, later.woken) == ([30], [], [])


def test_the_timer_is_early_for_connections_that_have_left(timers):
    first, second = Alarm(timers), Alarm(timers)
    timers.add(first, 10)
    timers.add(second, 20)
    timers.remove(first, 10)
    timers.clock.pump([10, 9.9])
    assert (first.woken, second.woken) == ([], [])
    timers.clock.advance(0.1)
    assert second.woken == [20]


def test_one_that_is_woken_removes_the_others(timers):
    alarms = []
    for _ in range(3):
        alarms.append(Alarm(timers, lambda: [timers.remove(alarm, 10) for alarm in alarms]))
        timers.add(alarms[-1], 10)
    timers.clock.advance(10)
    assert sum(len(alarm.woken) for alarm in alarms) == 1
    assert timers.clock.getDelayedCalls() == []


def test_one_that_is_woken_waits_again(timers):
    alarm = Alarm(timers, lambda: timers.add(alarm, int(timers.clock.seconds()) + 10))
    timers.add(alarm, 10)
    timers.clock.pump([10, 10, 10])
    assert alarm.woken == [10, 20, 30]
    assert len(timers.clock.getDelayedCalls()) == 1


def test_a_connection_that_is_woken_removes_one_of_a_later_second_that_has_passed_too(timers):
    """As when the reactor was busy for seconds."""
    removed, third = Alarm(timers), Alarm(timers)
    first = Alarm(timers, lambda: timers.remove(removed, 11))
    for alarm, second in ((first, 10), (removed, 11), (third, 12)):
        timers.add(alarm, second)
    timers.clock.advance(12)
    assert (first.woken, removed.woken, third.woken) == ([12], [], [12])


def test_a_connection_that_is_woken_removes_the_last_one_of_its_second_and_another_is_added(timers):
    late = Alarm(timers)

    def replace():
        for each in (first, second):
            timers.remove(each, 10)
        timers.add(late, 10)

    first, second = Alarm(timers, replace), Alarm(timers, replace)
    timers.add(first, 10)
    timers.add(second, 10)
    timers.clock.advance(10)
    assert len(first.woken) + len(second.woken) == 1
    assert late.woken == [10]


def test_a_connection_that_fails_when_it_is_woken_stops_no_timer(timers):
    def fail():
        raise ZeroDivisionError

    failing, other, later = Alarm(timers, fail), Alarm(timers), Alarm(timers)
    timers.add(other, 10)
    timers.add(failing, 10)
    timers.add(later, 20)
    with pytest.raises(ZeroDivisionError):
        timers.clock.advance(10)
    timers.clock.advance(0)
    timers.clock.advance(10)
    assert (other.woken, later.woken) == ([10], [20])
