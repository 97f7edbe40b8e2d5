"""The types of Twisted's objects: those of Twisted fit them, and a reactor is a clock."""

from __future__ import annotations

import pytest
from twisted.internet import reactor, tcp
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock as TaskClock
from twisted.internet.testing import MemoryReactorClock

from txsmtpx.interfaces import provides, twisted_types
from txsmtpx.interfaces.twisted_types import clock_of


def test_without_a_reactor_the_global_one_is_meant():
    assert clock_of(None) is reactor


@pytest.mark.parametrize("given", [TaskClock(), MemoryReactorClock(), reactor], ids=lambda each: type(each).__name__)
def test_a_reactor_is_its_own_clock(given):
    assert clock_of(given) is given


@pytest.mark.parametrize(("name", "given"), [
    ("Clock", TaskClock()), ("Clock", reactor), ("StreamTransport", tcp.Connection),
    ("ClientEndpoint", TCP4ClientEndpoint(reactor, "127.0.0.1", 25)),
])  # fmt: skip
def test_the_objects_of_twisted_have_the_types_that_are_declared(name, given):
    assert provides(given, getattr(twisted_types, name))
