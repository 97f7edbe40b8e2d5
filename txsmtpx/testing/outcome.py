"""
What came of a Deferred, without waiting.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Outcome:
    """
    What came of a Deferred, so far.

    Attributes:
        results: At most one; a `Failure` where it failed, which is handled by this.
    """

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.results: list[Any] = []
        deferred.addBoth(self.results.append)

    @property
    def fired(self) -> bool:
        """Whether it has one."""
        return bool(self.results)

    @property
    def error(self) -> BaseException | None:
        """The exception, None where there is none (yet)."""
        return self.results[0].value if self.fired and isinstance(self.results[0], Failure) else None

    def result(self) -> Any:
        """
        What it came to.

        Raises:
            Exception: That was it.
            AssertionError: It has not fired.
        """
        if not self.fired:
            raise AssertionError("it waits")
        if isinstance(self.results[0], Failure):
            self.results[0].raiseException()
        return self.results[0]
