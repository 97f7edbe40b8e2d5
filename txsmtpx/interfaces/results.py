"""The results of filters, for the filters behind them, the backend and the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from twisted.logger import Logger

from txsmtpx.interfaces.provided import provides
from txsmtpx.setting import shown
from txsmtpx.settling import FAILURES

log = Logger(__name__)

T = TypeVar("T")


class ResultWithFacts(Protocol):
    """Optional, for a result: its facts for the line of the log."""

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return the facts.

        Returns:
            The facts by name.
        """


class Results:
    """
    The results of filters.  Each result is an object, which is found by its class.

    `txsmtpx.FilterBackend` adds the ``results`` of each `txsmtpx.Accept`.  The results of one transaction include those
    of its connection.

    Args:
        earlier: The results that it begins with.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class SpamScore:
        ...     score: float
        >>> results = Results([SpamScore(4.2)])
        >>> results.get(SpamScore), results.get(str)
        (SpamScore(score=4.2), None)
    """

    __slots__ = ("_failed", "_found")

    def __init__(self, earlier: Iterable[object] = ()) -> None:
        self._found: list[object] = list(earlier)
        self._failed: dict[int, object] = {}  # results whose facts failed, by their identity

    def add(self, results: Iterable[object]) -> None:
        """
        Add results.

        Args:
            results: The results.
        """
        self._found.extend(results)

    def remove(self, results: Iterable[object]) -> None:
        """
        Remove results.

        Args:
            results: The objects that were added.  Equal objects stay.
        """
        removed = set(map(id, results))
        self._found = [each for each in self._found if id(each) not in removed]

    def get(self, kind: type[T]) -> T | None:
        """
        Return the newest result of a class.

        Args:
            kind: The class.

        Returns:
            The result; None if there is none.
        """
        return next((each for each in reversed(self._found) if isinstance(each, kind)), None)

    def all(self, kind: type[T]) -> list[T]:
        """
        Return all results of a class.

        Args:
            kind: The class.

        Returns:
            The results, the oldest first.
        """
        return [each for each in self._found if isinstance(each, kind)]

    def facts(self) -> dict[str, str | int | float]:
        """
        Return the facts of all results, for the log and the inbox.

        Returns:
            The facts by name.  A newer fact replaces an older one of the same name.  A result whose ``facts`` fails
            is logged, and has none.
        """
        found: dict[str, str | int | float] = {}
        for each in self._found:
            if provides(each, ResultWithFacts) and id(each) not in self._failed:
                try:
                    found |= _checked(each.facts())
                except FAILURES:
                    self._failed[id(each)] = each
                    log.failure("the facts of a result failed: {kind}", kind=type(each).__name__)
        return found

    def __iter__(self) -> Iterator[object]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"Results({self._found!r})"


def _checked(facts: Mapping[str, str | int | float]) -> Mapping[str, str | int | float]:
    """
    Check that the log and the inbox can show facts.

    Returns:
        The facts.

    Raises:
        TypeError: A name is not a text, or a value is neither a text nor a number.
    """
    for name, value in facts.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float):
            raise TypeError(f"a fact is a name with a text or a number, not {shown(name)}: {shown(value)}")
    return facts
