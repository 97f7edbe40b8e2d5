"""The waits between attempts: their growth, their limit and their jitter."""

import math

import pytest

from txsmtpx.queue.back_off import JITTER, BackOff


def test_each_wait_is_twice_the_one_before_up_to_the_limit():
    waits = BackOff(10, 100, chance=lambda: 0.5)
    assert [waits.after(failures) for failures in range(1, 7)] == [10, 20, 40, 80, 100, 100]


@pytest.mark.parametrize("failures", [50, 1100, 10**9])
def test_any_number_of_failures_has_a_wait(failures):
    wait = BackOff(10, 100, chance=lambda: 0.5).after(failures)
    assert wait == 100
    assert math.isfinite(wait)


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 10 - 10 * JITTER), (1.0, 10 + 10 * JITTER)])
def test_the_jitter_makes_it_shorter_or_longer(chance, wait):
    assert BackOff(10, 100, chance=lambda: chance).after(1) == pytest.approx(wait)


def test_messages_that_failed_together_spread():
    assert len({BackOff(300, 3600).after(1) for _ in range(50)}) > 40
