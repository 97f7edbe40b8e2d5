"""A time limit of a filter is above 0, and an end."""

from __future__ import annotations

import math

import pytest

from txsmtpx.filters.seconds import check_seconds


@pytest.mark.parametrize("seconds", [0.001, 1, 86400])
def test_a_time(seconds: float) -> None:
    check_seconds("timeout", seconds)


@pytest.mark.parametrize("seconds", [0, -1, math.inf, -math.inf, math.nan])
def test_no_time(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"^timeout is a number of seconds above 0, not {seconds}$"):
        check_seconds("timeout", seconds)
