"""The threads of a reactor."""

import threading

from twisted.internet import reactor
from twisted.internet.task import Clock

from txsmtpx.testing import Outcome
from txsmtpx.wire.reactor_threads import in_thread_of


def test_a_clock_has_no_threads():
    assert Outcome(in_thread_of(Clock(), threading.get_ident)).result() == threading.get_ident()


async def test_a_reactor_has_threads():
    assert await in_thread_of(reactor, threading.get_ident) != threading.get_ident()
