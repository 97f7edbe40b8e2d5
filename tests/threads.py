"""Threads of tests: a function that is given to them runs when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred


class Threads:
    """
    Stands for `deferToThread`.

    Attributes:
        waiting: (Deferred of the result, function, arguments) of each function that has not run.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.waiting.append((result, function, arguments))
        return result

    def work(self) -> None:
        """Run the function that has waited longest, and fire its Deferred."""
        waiting, function, arguments = self.waiting.pop(0)
        maybeDeferred(function, *arguments).chainDeferred(waiting)
