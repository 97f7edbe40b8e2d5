"""
What a backend gives back: a value, a Deferred, or a coroutine.

``maybeDeferred`` for each command costs more than the command, so values stay values, and a coroutine
is driven by hand until it really waits for something; most never do.  Who calls `settle` often looks first
whether there is anything to settle: ``isinstance(..., Deferred)`` is a call into ``abc``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")

Eventual: TypeAlias = T | Awaitable[T]
"""A value, or a Deferred or a coroutine of it.  Other awaitable objects, such as those of asyncio, are not accepted."""

FAILURES = (Exception, KeyboardInterrupt, SystemExit, asyncio.CancelledError)
"""What a coroutine of ours catches when it awaits a backend: all but GeneratorExit, by which Python ends it."""


def settle(result: Any) -> Any:
    """The value that ``result`` is or already leads to; otherwise a Deferred of it."""
    if isinstance(result, CoroutineType):
        try:
            awaited = result.send(None)
        except StopIteration as stop:
            return stop.value
        return Deferred.fromCoroutine(_resume(result, awaited))
    return result


def _resume(coroutine: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """The rest of a coroutine that waits for ``awaited``."""
    while True:
        try:
            value = yield awaited
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            thrown: BaseException | None = error
        else:
            thrown = None
        try:
            awaited = coroutine.send(value) if thrown is None else coroutine.throw(thrown)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # StopIteration.value is Any


def then(result: Any, function: Callable[[Any], Any]) -> Any:
    """``function`` of what ``result`` comes to: a value where that is there already, otherwise a Deferred."""
    result = settle(result)
    return result.addCallback(function) if isinstance(result, Deferred) else function(result)
