"""Several coroutines at the same time."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import TypeVar, cast

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def all_of(coroutines: Iterable[Coroutine[Deferred[object], object, T]]) -> list[T]:
    """
    Run coroutines at the same time, and wait for all of them.  To cancel the wait cancels them.

    Args:
        coroutines: The coroutines.

    Returns:
        Their results, in their order.

    Raises:
        Exception: The error of the coroutine that failed first.
    """
    try:
        return await gatherResults([Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True)
    except FirstError as error:
        raise cast(BaseException, error.subFailure.value) from None
