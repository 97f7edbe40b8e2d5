"""
The result of a backend: a value, a Deferred or a coroutine.

``maybeDeferred`` for each command costs more than the command.  So a value stays a value.  A coroutine is run by hand
until it waits for something; most never do.  On the hot path, a caller of `settle` first checks for None and for a
reply, since ``isinstance(..., Deferred)`` is a call into ``abc``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

from twisted.internet.defer import Deferred, maybeDeferred

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

Eventual: TypeAlias = T | Awaitable[T]
"""A value, or a Deferred or a coroutine of it.  Other awaitable objects, such as those of asyncio, are not accepted."""

FAILURES = (Exception, BaseExceptionGroup, KeyboardInterrupt, SystemExit, asyncio.CancelledError)
"""What the library catches when it awaits a backend: everything but GeneratorExit, by which Python ends a coroutine."""


TaskMaker = Callable[[Coroutine[object, object, object]], Deferred[Any] | None]
"""A function that runs a coroutine as a task of asyncio.  It returns None outside of a loop that `txsmtpx.aio` uses."""

_task_makers: list[TaskMaker] = []


def make_tasks(maker: TaskMaker) -> None:
    """
    Run the coroutines of backends as tasks of asyncio where that is possible.  `txsmtpx.aio` calls this.

    Args:
        maker: Makes the tasks.
    """
    _task_makers.append(maker)


def settle(result: Eventual[T]) -> T | Deferred[T]:
    """
    Return the value of a result if there is one without waiting.

    Args:
        result: A value, a Deferred or a coroutine.  A coroutine runs until it waits for something.

    Returns:
        The value, or a Deferred of it.

    Example:
        >>> async def answer():
        ...     return 250
        >>> settle(answer()), settle(250)
        (250, 250)
    """
    if isinstance(result, CoroutineType):
        if (task := _task_of(result)) is not None:
            return task
        try:
            awaited = result.send(None)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # StopIteration.value is Any
        return Deferred.fromCoroutine(_resume(result, awaited))
    return result  # type: ignore[return-value]  # what is awaitable and no coroutine is a Deferred


def run(coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
    """
    Run a coroutine of an application, which waits for something.

    Args:
        coroutine: The coroutine.

    Returns:
        A Deferred of its result.

    Example:
        >>> async def answer():
        ...     return 250
        >>> run(answer()).result
        250
    """
    task = _task_of(coroutine)
    return Deferred.fromCoroutine(coroutine) if task is None else task


def _task_of(coroutine: Coroutine[Any, Any, T]) -> Deferred[T] | None:
    for maker in _task_makers:
        task = maker(coroutine)
        if task is not None:
            return task
    return None


def _resume(
    coroutine: Coroutine[Deferred[object], object, T], awaited: Deferred[object]
) -> Generator[Deferred[object], object, T]:
    # Runs the rest of a coroutine that waits for a Deferred.
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


# pragma: no mutate start
# mutmut puts mutants between the overloads of a function and its body, which mypy refuses.


@overload
def then(result: Eventual[T], function: Callable[[T], Awaitable[U]]) -> U | Deferred[U]: ...


@overload
def then(result: Eventual[T], function: Callable[[T], Eventual[U]]) -> U | Deferred[U]: ...


def then(result: Eventual[T], function: Callable[[T], Eventual[U]]) -> U | Deferred[U]:
    """
    Call a function with the value of a result.

    Args:
        result: A value, a Deferred or a coroutine.
        function: It takes the value.

    Returns:
        What the function returns, if there is a value without waiting; otherwise a Deferred of it.

    Example:
        >>> then(250, str)
        '250'
    """
    settled = settle(result)
    if isinstance(settled, Deferred):
        return settled.addCallback(lambda value: settle(function(value)))
    return settle(function(settled))


@overload
def deferred_call(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]: ...


@overload
def deferred_call(function: Callable[P, Eventual[T]], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]: ...


def deferred_call(function: Callable[P, Eventual[T]], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """
    Call a function, and return a Deferred of its value or of its exception.

    Args:
        function: It returns a value, a Deferred or a coroutine.
        args: Its arguments.
        kwargs: Its keyword arguments.

    Returns:
        The Deferred.
    """
    if _task_makers:
        return maybeDeferred(_settled, function, *args, **kwargs)  # type: ignore[arg-type]
    return maybeDeferred(function, *args, **kwargs)  # type: ignore[arg-type]  # as Twisted's, for unions


def _settled(function: Callable[P, Eventual[T]], *args: P.args, **kwargs: P.kwargs) -> T | Deferred[T]:
    return settle(function(*args, **kwargs))


# pragma: no mutate end
