"""Which connections are admitted: all at a time, those of one client, and none while the server stops."""

from __future__ import annotations

import pytest
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


def test_a_limit_on_all(clock):
    admission = Admission(clock, 2, 0)
    connections = [Connection() for _ in range(3)]
    assert [admission.admit(each) for each in connections] == [True, True, False]
    admission.dismiss(connections[2], None)
    admission.dismiss(connections[0], None)
    assert admission.admit(Connection())


def test_no_limit(clock):
    admission = Admission(clock, 0, 0)
    assert all(admission.admit(Connection()) for _ in range(100))
    assert all(admission.admit_host("192.0.2.1") for _ in range(100))


def test_a_limit_on_each_client(clock):
    admission = Admission(clock, 0, 2)
    assert [admission.admit_host("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert admission.admit_host("192.0.2.2")
    assert admission.per_host == {"192.0.2.1": 2, "192.0.2.2": 1}
    admission.dismiss_host("192.0.2.1")
    assert admission.admit_host("192.0.2.1")
    for _ in range(2):
        admission.dismiss_host("192.0.2.1")
    admission.dismiss_host("192.0.2.2")
    admission.dismiss_host(None)
    assert admission.per_host == {}


def test_an_unknown_client_has_no_limit(clock):
    admission = Admission(clock, 0, 1)
    assert all(admission.admit_host("") for _ in range(3))


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
        admission.dismiss(each, None)
    clock.advance(9)
    assert busy.done == ["goodbye"]
    clock.advance(1)
    assert busy.done == ["goodbye", "abort"]
    assert not drained.called
    admission.dismiss(busy, None)
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
    admission.dismiss(connection, None)
    assert drained.called
    assert clock.getDelayedCalls() == []


def test_drained_twice(clock):
    """Each Deferred fires, as after a second SIGTERM."""
    admission = Admission(clock, 0, 0)
    connection = Connection()
    admission.admit(connection)
    drained = [admission.drain(10), admission.drain(5)]
    admission.dismiss(connection, None)
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
        admission.dismiss(each, None)
    assert drained.called
