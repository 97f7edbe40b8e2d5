"""
Values that belong to a reactor, in objects that outlive it.

A program of asyncio may run one loop after another, each with its reactor (`txsmtpx.aio`).  A loop may be closed while
Deferreds of it are pending, and those never fire.  So what waits for them must not be kept for the next loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from txsmtpx.interfaces.twisted_types import Reactor, found_elsewhere

T = TypeVar("T")


class PerReactor(Generic[T]):
    """
    A value for each reactor, made when it is first needed, and forgotten with the reactor.

    Args:
        make: It makes a value.

    Example:
        >>> waiting = PerReactor(list)
        >>> waiting.current is waiting.current
        True
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._of_global: T | None = None
        self._of_others: WeakKeyDictionary[Reactor, T] = WeakKeyDictionary()

    @property
    def current(self) -> T:
        """The value of the reactor of the caller's thread."""
        reactor = found_elsewhere()
        if reactor is None:
            if self._of_global is None:
                self._of_global = self._make()
            return self._of_global
        found = self._of_others.get(reactor)
        if found is None:
            found = self._of_others[reactor] = self._make()
        return found
