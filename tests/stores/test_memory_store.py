"""Counts and times in the memory of one process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from txsmtpx.interfaces import IStore, Sighting
from txsmtpx.stores.memory_store import MemoryStore

DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


def small(clock: Clock) -> MemoryStore:
    """The smallest store: 100 names of a table, one of each owner."""
    return MemoryStore(most=100, reactor=clock)


def test_the_interface(clock):
    store = MemoryStore(reactor=clock)
    assert IStore.providedBy(store)
    assert store.shared is False


def test_too_small():
    with pytest.raises(ValueError, match="most is a number from 100, not 99"):
        MemoryStore(most=99, reactor=Clock())


def test_a_bucket_is_full_at_first_and_fills_again(clock):
    store = MemoryStore(reactor=clock)
    assert [store.take("a", 3, 30) for _ in range(4)] == [0, 0, 0, pytest.approx(10)]
    assert store.take("b", 3, 30) == 0
    clock.advance(9.9)
    assert store.take("a", 3, 30) == pytest.approx(0.1)
    clock.advance(0.2)
    assert [store.take("a", 3, 30) for _ in range(2)] == [0, pytest.approx(9.9)]
    clock.advance(3600)
    assert [store.take("a", 3, 30) > 0 for _ in range(4)] == [False, False, False, True]


@given(st.integers(1, 300), st.sampled_from([1, 7, 60, 3600, 86_400]), st.floats(0, 1e9))
def test_exactly_so_many_at_once(number, seconds, now):
    clock = Clock()
    clock.advance(now)
    store = MemoryStore(reactor=clock)
    waits = [store.take("a", number, seconds) for _ in range(number + 1)]
    assert waits == [0.0] * number + [pytest.approx(seconds / number, rel=0.01)]


def test_less_than_one_is_none_at_all(clock):
    store = MemoryStore(reactor=clock)
    assert store.take("a", 0.5, 60) > 0
    clock.advance(1e6)
    assert store.take("a", 0.5, 60) > 0


def test_a_clock_that_goes_back(clock):
    store = MemoryStore(reactor=clock)
    clock.advance(1e6)
    store.take("a", 2, 60)
    clock.rightNow = 0.0
    assert [store.take("a", 2, 60) for _ in range(2)] == [0, pytest.approx(30)]
    clock.advance(30)
    assert store.take("a", 2, 60) == 0


def test_the_bucket_that_was_unused_for_longest_is_forgotten(clock):
    store = small(clock)
    names = [f"{number}" for number in range(100)]
    assert {store.take(name, 1, 10) for name in names} == {0}
    assert store.take(names[0], 1, 10) > 0
    assert store.take("another", 1, 10) == 0
    assert store.take(names[0], 1, 10) > 0
    assert store.take(names[1], 1, 10) == 0


def test_the_first_time_is_kept(clock):
    store = MemoryStore(reactor=clock)
    assert store.look("seen", "owner", "name", DAY) == Sighting(None, 0)
    assert store.note("seen", "owner", "name", DAY) == Sighting(0, 1)
    clock.advance(10)
    assert store.note("seen", "owner", "name", DAY) == Sighting(10, 1)
    assert store.note("seen", "owner", "other", DAY) == Sighting(0, 2)
    assert store.look("seen", "owner", "name", DAY) == Sighting(10, 2)
    assert store.look("seen", "stranger", "name", DAY) == Sighting(None, 0)
    assert store.look("known", "owner", "name", DAY) == Sighting(None, 0)


def test_a_name_is_forgotten_in_time_unless_it_is_renewed(clock):
    store = MemoryStore(reactor=clock)
    for name in "ab":
        store.note("seen", "owner", name, DAY)
    clock.advance(DAY - 1)
    assert store.note("seen", "owner", "a", DAY, renew=True) == Sighting(0, 2)
    assert store.note("seen", "owner", "b", DAY) == Sighting(DAY - 1, 2)
    clock.advance(1)
    assert store.look("seen", "owner", "b", DAY) == Sighting(None, 1)
    assert store.look("seen", "owner", "a", DAY) == Sighting(1, 1)
    clock.advance(DAY)
    assert store.look("seen", "owner", "a", DAY) == Sighting(None, 0)
    assert store.note("seen", "owner", "a", DAY) == Sighting(0, 1)


def test_an_owner_displaces_its_own_names(clock):
    store = MemoryStore(most=300, reactor=clock)
    store.note("seen", "honest", "name", DAY)
    for number in range(1000):
        clock.advance(1)
        assert store.note("seen", "flood", f"{number}", DAY).number <= 3
    assert store.look("seen", "flood", "996", DAY) == Sighting(None, 3)
    assert store.look("seen", "flood", "997", DAY) == Sighting(2, 3)
    assert store.look("seen", "honest", "name", DAY) == Sighting(1000, 1)


def test_a_renewed_name_is_not_the_oldest(clock):
    store = MemoryStore(most=200, reactor=clock)
    for name in "abac":
        clock.advance(1)
        store.note("seen", "owner", name, DAY, renew=True)
    assert store.look("seen", "owner", "b", DAY).age is None
    assert store.look("seen", "owner", "a", DAY).age == 1


def test_of_too_many_owners_the_one_that_was_unused_for_longest_is_forgotten(clock):
    store = small(clock)
    for number in range(100):
        store.note("seen", f"{number}", "name", DAY)
    store.look("seen", "0", "name", DAY)
    store.note("seen", "another", "name", DAY)
    found = [store.look("seen", f"{number}", "name", DAY).age for number in range(100)]
    assert found == [0, None] + [0] * 98
    assert store.look("known", "0", "name", DAY).age is None


def held(store: MemoryStore) -> int:
    """The names that the table "seen" really has, which are as many as it has counted."""
    table = store._tables["seen"]
    names = sum(map(len, table._owners.values()))
    assert names == table._size
    assert all(table._owners.values())
    return names


def test_owners_that_do_not_return_take_no_memory_for_long(clock):
    store = MemoryStore(reactor=clock)
    for number in range(50):
        store.note("seen", f"{number}", "name", DAY)
    clock.advance(DAY)
    for number in range(50, 100):
        store.note("seen", f"{number}", "name", DAY)
    assert held(store) == 50


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 5), st.booleans(), st.floats(0, 50)), max_size=400))
def test_a_table_has_a_bound_and_counts_right(steps):
    clock = Clock()
    store = MemoryStore(most=200, reactor=clock)
    for owner, name, renew, later in steps:
        sighting = store.note("seen", f"{owner}", f"{name}", 100.0, renew)
        assert sighting.age is not None
        assert 0 <= sighting.age < 100
        assert sighting == store.look("seen", f"{owner}", f"{name}", 100.0)
        assert held(store) <= 200
        clock.advance(later)
