"""The destinations of a queue: how many deliveries each may have, and when it is forgotten."""

import pytest
from twisted.internet.task import Clock

from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.destination import FIRST, IDLE, Destinations
from txsmtpx.testing import Network
from txsmtpx.wire.pool import SMTPPool


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def destinations(clock):
    def pool(key, secured):
        return SMTPPool(Network(clock=clock), size=5, tls="none", reactor=clock)

    return Destinations(clock, pool, 2, BackOff(60, 900, chance=lambda: 0.5))


def test_a_new_destination_begins_with_a_few_deliveries(destinations):
    there = destinations.get("example.org")
    assert there.allowed == FIRST
    for _ in range(10):
        there.delivered()
    assert there.allowed == 5  # the size of its pool
    for _ in range(10):
        there.failed(0, "refused")
    assert there.allowed == 1


def test_messages_that_need_no_tls_have_connections_of_their_own(clock):
    made = []

    def pool(key, secured):
        made.append((key, secured, SMTPPool(Network(clock=clock), size=5, tls="none", reactor=clock)))
        return made[-1][2]

    destinations = Destinations(clock, pool, 2, BackOff(60, 900))
    there = destinations.get("example.org")
    assert there.pool_for(False) is there.pool
    assert there.pools == [there.pool]
    assert there.pool_for(True) is there.pool_for(True)
    assert [each[:2] for each in made] == [("example.org", True), ("example.org", False)]
    assert destinations.stop() == [made[0][2], made[1][2]]
    assert made[1][2].running


def test_messages_that_need_no_tls_are_not_paused_with_the_others(destinations, clock):
    """Mail that tells a domain of its mistake goes where the other mail cannot (RFC 8689 §1)."""
    there = destinations.get("example.org")
    for _ in range(2):
        there.failed(0, "no TLSA record matches")
    assert [there.breaker_for(each).admits(0) for each in (False, True)] == [False, True]
    there.breaker_for(True).succeeded()
    assert not there.breaker_for(False).admits(0)
    for _ in range(2):
        there.failed(0, "refused", tls_not_required=True)
    assert there.breaker_for(True).reason == "refused"
    assert not there.breaker_for(True).admits(0)


def test_it_is_busy_and_full(destinations):
    there = destinations.get("example.org")
    there.deliveries = FIRST
    assert (there.is_busy, there.is_full, destinations.full()) == (True, False, [])
    there.waiting.append("one")
    assert destinations.full() == ["example.org"]


def test_an_unused_one_is_forgotten(destinations, clock):
    there = destinations.get("example.org")
    destinations.release(there)
    clock.advance(IDLE - 1)
    assert destinations.get("example.org") is there
    clock.advance(IDLE)
    assert destinations.get("example.org") is there  # it was in use again
    destinations.release(there)
    clock.advance(IDLE)
    assert destinations.get("example.org") is not there


def test_one_in_use_is_not_forgotten(destinations, clock):
    there = destinations.get("example.org")
    there.deliveries = 1
    destinations.release(there)
    clock.advance(10 * IDLE)
    assert destinations.get("example.org") is there


@pytest.mark.parametrize("unsecured", [True, False])
def test_an_open_breaker_is_remembered_until_its_pause_ends(destinations, clock, unsecured):
    there = destinations.get("example.org")
    for _ in range(2):
        there.failed(0, "refused", unsecured)
    destinations.release(there)
    clock.advance(IDLE + 59)
    assert [each.key for each in destinations] == ["example.org"]
    clock.advance(1)
    assert list(destinations) == []


def test_it_stops_all(destinations, clock):
    for key in ("example.org", "example.net"):
        destinations.release(destinations.get(key))
    assert len(destinations.stop()) == 2
    assert clock.getDelayedCalls() == []
