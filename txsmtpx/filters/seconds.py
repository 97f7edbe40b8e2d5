"""The check of a time that a filter is given."""

from __future__ import annotations

import math


def check_seconds(name: str, seconds: float) -> None:
    """
    Check a time limit.

    Args:
        name: The argument.
        seconds: Its value.

    Raises:
        ValueError: It is 0, negative, infinite or not a number.

    Example:
        >>> check_seconds("timeout", 0)
        Traceback (most recent call last):
        ValueError: timeout is a number of seconds above 0, not 0
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
