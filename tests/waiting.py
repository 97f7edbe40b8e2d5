"""Waiting for other processes, whose clock no test can advance.  Tests in one process use `task.Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds for anything that another process does; far more than it needs."""

INTERVAL = 0.02
"""Seconds between two looks."""


def eventually(look: Callable[[], T | None], complaint: Callable[[], str] = str, seconds: float = PATIENCE) -> T:
    """
    Call a function until its result is true.

    Args:
        look: The function.
        complaint: The text of the error.
        seconds: How long, at most.

    Returns:
        The first true result.

    Raises:
        TimeoutError: The result stays false.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(complaint())
        time.sleep(INTERVAL)
    return found
