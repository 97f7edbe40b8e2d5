"""Reactors and clocks, as the package takes them."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.task import Clock

from txsmtpx.interfaces import clock_of


def test_a_clock_is_used_as_it_is() -> None:
    clock = Clock()
    assert clock_of(clock) is clock


def test_the_global_reactor_stands_for_none() -> None:
    assert clock_of(None) is reactor
