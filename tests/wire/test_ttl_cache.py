"""Answers are kept for their time, and a limited number of them."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txsmtpx.wire.ttl_cache import LONGEST, TTLCache


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_answer_is_kept_for_its_time(clock: Clock) -> None:
    cache = TTLCache[str, int](clock, most=2)
    cache.put("a", 1, 10)
    clock.advance(9.9)
    assert cache.get("a") == 1
    clock.advance(0.1)
    assert cache.get("a") is None
    assert len(cache) == 0


@pytest.mark.parametrize("ttl", [0, -1])
def test_without_time_an_answer_is_not_kept(clock: Clock, ttl: int) -> None:
    cache = TTLCache[str, int](clock, most=2)
    cache.put("a", 1, 10)
    cache.put("a", 2, ttl)
    assert cache.get("a") is None


def test_no_answer_is_kept_for_ever(clock: Clock) -> None:
    cache = TTLCache[str, int](clock, most=2)
    cache.put("a", 1, 2**31)
    clock.advance(LONGEST)
    assert cache.get("a") is None


def test_a_full_cache_drops_the_oldest_answer(clock: Clock) -> None:
    cache = TTLCache[str, int](clock, most=2)
    for number, name in enumerate(["a", "b", "a", "c"]):
        cache.put(name, number, 10)
    assert [cache.get(name) for name in "abc"] == [2, None, 3]
    assert len(cache) == 2


def test_an_answer_that_is_false_is_an_answer(clock: Clock) -> None:
    cache = TTLCache[str, tuple[str, ...]](clock, most=2)
    cache.put("a", (), 10)
    assert cache.get("a") == ()
