"""The slots of deliveries: half of them are kept for destinations that work, and slow ones give theirs back."""

import pytest
from twisted.internet.task import Clock

from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.delivery_slots import GRACE, SLOW, DeliverySlots
from txsmtpx.queue.destination import Destinations
from txsmtpx.testing import Network
from txsmtpx.wire.pool import SMTPPool


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def get(clock):
    pool = lambda key, secured: SMTPPool(Network(clock=clock), tls="none", reactor=clock)  # noqa: E731
    return Destinations(clock, pool, 5, BackOff(60, 900)).get


@pytest.fixture
def slots_of(clock):
    return lambda most, freed=lambda: None: DeliverySlots(clock, most, freed)


def test_destinations_that_are_not_proven_take_half(get, slots_of):
    slots = slots_of(4)
    taken = [slots.take(get(f"{number}.example")) for number in range(4)]
    assert [each and each.kind for each in taken] == ["new", "new", None, None]
    works = get("works.example")
    works.delivered()
    assert [each and each.kind for each in [slots.take(works) for _ in range(3)]] == ["proven", "proven", None]
    assert slots.busy == 4


def test_those_without_a_slot_have_their_turns_in_order(get, slots_of):
    slots = slots_of(2)
    slot = slots.take(get("a.example"))
    assert slots.take(get("b.example")) is None
    assert slots.take(get("c.example")) is None
    assert slots.next_turn() is None
    slots.give_back(slot)
    slots.line_up(get("a.example"))
    assert slots.next_turn() is get("b.example")
    slot = slots.take(get("b.example"))
    assert slots.next_turn() is None
    slots.give_back(slot)
    assert [slots.next_turn() for _ in range(3)] == [get("c.example"), get("a.example"), None]


def test_a_slow_delivery_gives_its_slot_back(get, slots_of, clock):
    freed = []
    slots = slots_of(2, lambda: freed.append(True))
    slow = slots.take(get("a.example"))
    slots.take(get("b.example"))
    clock.advance(GRACE)
    assert freed == [True]
    assert (slow.kind, slots.busy) == ("slow", 0)
    assert slots.next_turn() is get("b.example")
    slots.give_back(slow)
    assert clock.getDelayedCalls() == []


def test_slow_deliveries_have_a_limit(get, slots_of, clock):
    slots = slots_of(1)
    taken = []
    for number in range(SLOW + 1):
        taken.append(slots.take(get(f"{number}.example")))
        clock.advance(GRACE)
    assert [each.kind for each in taken] == ["slow"] * SLOW + ["new"]
    slots.give_back(taken[0])
    clock.advance(GRACE)
    assert taken[-1].kind == "slow"


def test_a_failed_connection_takes_the_proof(get):
    works = get("works.example")
    works.delivered()
    works.failed(0, "refused")
    assert not works.proven
