"""Which connections are admitted: all at a time, those of one client, and none while the server stops."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from txsmtpx.wire.admission import Admission


class Connection:
    """One that notes what is done to it."""

    transport = None

    def __init__(self) -> None:
        self.done: list[str] = []

    def goodbye(self) -> None:
        self.done.append("goodbye")

    def abort(self) -> None:
        self.done.append("abort")


@pytest.fixture
def clock():
    return Clock()


def admitted(admission, number):
    connections = [Connection() for _ in range(number)]
    assert all(admission.admit(each) for each in connections)
    return connections


def test_a_limit_on_all(clock):
    admission = Admission(clock, 2, 0)
    connections = [Connection() for _ in range(3)]
    assert [admission.admit(each) for each in connections] == [True, True, False]
    admission.dismiss(connections[2])
    admission.dismiss(connections[0])
    assert admission.admit(Connection())


def test_no_limit(clock):
    admission = Admission(clock, 0, 0)
    connections = [Connection() for _ in range(100)]
    assert all(admission.admit(each) for each in connections)
    assert all(admission.admit_host(each, "192.0.2.1") for each in connections)


def test_a_limit_on_each_client(clock):
    admission = Admission(clock, 0, 2)
    first, second, third = connections = admitted(admission, 3)
    assert [admission.admit_host(each, "192.0.2.1") for each in connections] == [True, True, False]
    assert admission.admit_host(third, "192.0.2.2")
    assert admission.per_host == {"192.0.2.1": 2, "192.0.2.2": 1}
    admission.dismiss(first)
    (fourth,) = admitted(admission, 1)
    assert admission.admit_host(fourth, "192.0.2.1")
    for each in (second, third, fourth):
        admission.dismiss(each)
    assert admission.per_host == {}


def test_a_connection_counts_for_one_client_at_a_time(clock):
    admission = Admission(clock, 0, 1)
    first, second = admitted(admission, 2)
    assert admission.admit_host(first, "192.0.2.1")
    assert admission.admit_host(first, "192.0.2.2")
    assert admission.admit_host(first, "192.0.2.2")
    assert admission.per_host == {"192.0.2.2": 1}
    assert not admission.admit_host(second, "192.0.2.2")
    assert admission.admit_host(second, "192.0.2.1")
    assert not admission.admit_host(second, "192.0.2.2")
    assert admission.per_host == {"192.0.2.2": 1}
    for each in (first, second):
        admission.dismiss(each)
        admission.dismiss(each)
    assert admission.per_host == {}
    assert admission.connections == set()


def test_an_unknown_client_has_no_limit(clock):
    admission = Admission(clock, 0, 1)
    assert all(admission.admit_host(each, "") for each in admitted(admission, 3))


def test_draining(clock):
    admission = Admission(clock, 0, 0)
    idle, busy = Connection(), Connection()
    admission.admit(idle)
    admission.admit(busy)
    drained = admission.drain(10)
    assert (idle.done, busy.done) == (["goodbye"], ["goodbye"])
    late = Connection()
    assert not admission.admit(late)
    for each in (idle, late):
        admission.dismiss(each)
    clock.advance(9)
    assert busy.done == ["goodbye"]
    clock.advance(1)
    assert busy.done == ["goodbye", "abort"]
    assert not drained.called
    admission.dismiss(busy)
    assert drained.called
    admission.resume()
    assert admission.admit(Connection())


def test_a_drain_leaves_no_timer(clock):
    admission = Admission(clock, 0, 0)
    assert admission.drain(10).called
    admission.resume()
    connection = Connection()
    admission.admit(connection)
    drained = admission.drain(10)
    admission.dismiss(connection)
    assert drained.called
    assert clock.getDelayedCalls() == []


def test_drained_twice(clock):
    """Each Deferred fires, as after a second SIGTERM."""
    admission = Admission(clock, 0, 0)
    connection = Connection()
    admission.admit(connection)
    drained = [admission.drain(10), admission.drain(5)]
    admission.dismiss(connection)
    assert [each.called for each in drained] == [True, True]
    assert clock.getDelayedCalls() == []


def test_the_deadline_of_a_drain_is_not_for_those_who_come_after_it(clock):
    admission = Admission(clock, 0, 0)
    before, after = Connection(), Connection()
    admission.admit(before)
    drained = admission.drain(10)
    admission.resume()
    admission.admit(after)
    clock.advance(10)
    assert (before.done, after.done) == (["goodbye", "abort"], [])
    for each in (before, after):
        admission.dismiss(each)
    assert drained.called


def test_a_drain_waits_for_the_end_of_each_session(clock):
    admission = Admission(clock, 0, 0)
    endings = [Deferred(), Deferred(), succeed(None)]
    (connection,) = admitted(admission, 1)
    for each in endings:
        admission.wait_for(each)
    drained = admission.drain(10)
    admission.dismiss(connection)
    endings[0].callback(None)
    assert not drained.called
    endings[1].callback(None)
    assert drained.called
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("late", [False, True])
def test_the_deadline_of_a_drain_cancels_the_end_of_a_session(clock, late):
    admission = Admission(clock, 0, 0)
    cancelled: list[Deferred[None]] = []
    ending: Deferred[None] = Deferred(cancelled.append)
    (connection,) = admitted(admission, 1)
    if not late:
        admission.wait_for(ending)
        admission.dismiss(connection)
    drained = admission.drain(10)
    clock.advance(10)
    if late:
        admission.wait_for(ending)
        admission.dismiss(connection)
    ending.addErrback(lambda _: None)
    assert cancelled == [ending]
    assert drained.called


def test_the_deadline_of_a_drain_is_not_for_the_sessions_after_it(clock):
    admission = Admission(clock, 0, 0)
    before, after = admitted(admission, 2)
    admission.drain(10)
    admission.resume()
    ending: Deferred[None] = Deferred()
    admission.wait_for(ending)
    clock.advance(10)
    admission.dismiss(before)
    admission.dismiss(after)
    assert not ending.called
    drained = admission.drain(10)
    assert not drained.called
    ending.callback(None)
    assert drained.called
