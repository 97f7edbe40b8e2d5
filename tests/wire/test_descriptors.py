"""Few descriptors are left: ports pause, and come back, on a `Clock`."""

from __future__ import annotations

import pytest
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock

from txsmtpx.wire.descriptors import LOOK, Descriptors, accepting, in_use, limit


class Port:
    paused = False
    numberAccepts = 100

    def pauseProducing(self):
        assert not self.paused
        self.paused = True

    def resumeProducing(self):
        assert self.paused
        self.paused = False


class Process:
    """One with room for a hundred descriptors, a quarter of which is kept back."""

    def __init__(self, most=100):
        self.clock = Clock()
        self.open = 10
        self.looks = 0
        self.ports = [Port(), Port()]
        self.descriptors = Descriptors(self.clock, self._accepting, lambda: most, self._in_use)

    def _accepting(self):
        return [each for each in self.ports if not each.paused]

    def _in_use(self):
        self.looks += 1
        if self.open >= 100:
            raise OSError("none is left to look")
        return self.open

    def fileno(self):
        """Of the next connection."""
        return self.open

    def accept(self, connections=1):
        for _ in range(connections):
            self.descriptors.taken(self)
            self.open += 1

    def wait(self, looks=1):
        for _ in range(looks):
            self.clock.advance(LOOK)

    @property
    def paused(self):
        (one,) = {port.paused for port in self.ports}
        assert one is self.descriptors.paused
        return one


def test_plenty_is_left():
    process = Process()
    process.accept(39)
    assert (process.paused, process.looks, process.clock.getDelayedCalls()) == (False, 0, [])


def test_ports_accept_one_at_a_time_while_half_is_in_use():
    process = Process()
    process.accept(40)
    process.wait()
    assert {port.numberAccepts for port in process.ports} == {100}
    process.accept(2)
    process.clock.advance(0)
    assert {port.numberAccepts for port in process.ports} == {1}
    process.accept()
    process.descriptors.stop()
    assert process.clock.getDelayedCalls() == []


def test_they_pause_at_once_and_come_back():
    process = Process()
    process.accept(66)
    assert process.paused
    process.open = 64
    process.wait()
    assert process.paused  # there must be room for more than one
    process.open = 60
    process.wait()
    assert not process.paused
    process.open = 40
    process.wait()
    assert process.clock.getDelayedCalls() == []


def test_others_use_them_up():
    process = Process()
    process.accept(41)
    process.open = 80
    process.wait()
    assert process.paused


def test_none_is_left_to_look():
    process = Process()
    process.accept(41)
    process.open = 100
    process.wait()
    assert process.paused
    process.wait()
    assert process.paused
    process.open = 20
    process.wait()
    assert (process.paused, process.clock.getDelayedCalls()) == (False, [])


def test_it_stops():
    process = Process()
    process.accept(70)
    process.descriptors.stop()
    assert process.clock.getDelayedCalls() == []
    assert not process.paused  # its ports may be those of others


def test_two_watches_over_the_same_ports():
    process = Process()
    other = Descriptors(process.clock, process._accepting, lambda: 100, process._in_use)
    process.accept(66)
    other.taken(process)
    assert (process.paused, other.paused) == (True, True)
    process.open = 40
    process.wait()
    assert (process.paused, other.paused) == (False, False)
    assert process.clock.getDelayedCalls() == []


@pytest.mark.system
def test_every_port_of_the_process_whatever_it_is_for(tmp_path):
    reactor = SelectReactor()
    ports = [
        reactor.listenTCP(0, Factory(), interface="127.0.0.1"),
        reactor.listenTCP(0, Factory(), interface="127.0.0.1"),
        reactor.listenUNIX(str(tmp_path / "socket"), Factory()),
    ]
    resolver = reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")
    assert set(accepting(reactor)) == set(ports)
    ports[0].pauseProducing()
    assert set(accepting(reactor)) == set(ports[1:])
    for port in (*ports, resolver):
        port.stopListening()
    reactor.runUntilCurrent()
    ports[0].resumeProducing()
    assert accepting(reactor) == []
    reactor.waker.connectionLost(None)


def test_a_clock_has_no_ports():
    assert accepting(Clock()) == []


@pytest.mark.parametrize("transport", [object(), Process()])
def test_where_nobody_counts(transport):
    process = Process(0)
    process.descriptors.taken(transport)
    assert (process.looks, process.clock.getDelayedCalls()) == (0, [])


def test_of_this_process():
    before = in_use()
    assert 3 <= before < limit()
    with open("/dev/null"):
        assert in_use() == before + 1
