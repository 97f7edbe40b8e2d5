"""The slots of deliveries: half of them are kept for destinations that work."""

import pytest
from twisted.internet.task import Clock

from txsmtpx.queue.back_off import BackOff
from txsmtpx.queue.delivery_slots import DeliverySlots
from txsmtpx.queue.destination import Destinations
from txsmtpx.testing import Network
from txsmtpx.wire.pool import SMTPPool


@pytest.fixture
def get():
    clock = Clock()
    pool = lambda key: SMTPPool(Network(clock=clock), tls="none", reactor=clock)  # noqa: E731
    return Destinations(clock, pool, 5, BackOff(60, 900)).get


def test_destinations_that_are_not_proven_take_half(get):
    slots = DeliverySlots(4)
    taken = [slots.take(get(f"{number}.example")) for number in range(4)]
    assert taken == [False, False, None, None]
    works = get("works.example")
    works.delivered()
    assert [slots.take(works) for _ in range(3)] == [True, True, None]
    assert slots.busy == 4


def test_those_without_a_slot_have_their_turns_in_order(get):
    slots = DeliverySlots(2)
    assert slots.take(get("a.example")) is False
    assert slots.take(get("b.example")) is None
    assert slots.take(get("c.example")) is None
    assert slots.next_turn() is None
    slots.give_back(False)
    assert slots.next_turn() is get("b.example")
    slots.take(get("b.example"))
    assert slots.next_turn() is None
    slots.give_back(False)
    assert slots.next_turn() is get("c.example")


def test_a_failed_connection_takes_the_proof(get):
    works = get("works.example")
    works.delivered()
    works.failed(0, "refused")
    assert not works.proven


def test_one_slot_is_for_any(get):
    slots = DeliverySlots(1)
    assert slots.take(get("a.example")) is False
    slots.give_back(False)
    assert slots.busy == 0
