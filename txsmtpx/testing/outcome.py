"""The outcome of a Deferred, without waiting."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Outcome(Generic[T]):
    """
    The outcome of a Deferred, so far.

    Args:
        deferred: The Deferred.

    Attributes:
        results: The value or the `Failure`; empty before the Deferred has fired.  A failure counts as handled.

    Example:
        >>> from twisted.internet.defer import succeed
        >>> Outcome(succeed(250)).result()
        250
    """

    def __init__(self, deferred: Deferred[T]) -> None:
        self.results: list[T | Failure] = []
        deferred.addBoth(self.results.append)

    @property
    def fired(self) -> bool:
        """True after the Deferred has fired."""
        return bool(self.results)

    @property
    def error(self) -> BaseException | None:
        """The exception; None if there is none so far."""
        result = self.results[0] if self.results else None
        return result.value if isinstance(result, Failure) else None

    def result(self) -> T:
        """
        Return the value.

        Returns:
            The value.

        Raises:
            Exception: The Deferred has failed with it.
            AssertionError: The Deferred has not fired.
        """
        if not self.fired:
            raise AssertionError("it waits: the Deferred has not fired")
        if isinstance(self.results[0], Failure):
            self.results[0].raiseException()
        return self.results[0]
