"""Check which optional interfaces an object provides."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import TypeGuard, TypeVar, cast, get_origin

T = TypeVar("T")


def provides(value: object, type_: Callable[..., T]) -> TypeGuard[T]:
    """
    Return whether an object has every attribute and method that the type of an interface declares.

    Unlike `isinstance` it also finds what an object gets by ``__getattr__``, as middleware does.  An attribute that is
    None counts as missing.

    Args:
        value: The object.
        type_: The type, such as ``VerifyingSessionLike``, with its parameters if it has some.

    Returns:
        True if the object has them all.

    Example:
        >>> from txsmtpx import Session
        >>> from txsmtpx.interfaces import SessionLike, VerifyingSessionLike
        >>> provides(Session(), SessionLike), provides(Session(), VerifyingSessionLike)
        (True, False)
    """
    for name in members(type_):  # noqa: SIM110  # a generator costs more than the look-ups
        if getattr(value, name, None) is None:
            return False
    return True


@cache
def members(type_: Callable[..., object]) -> tuple[str, ...]:
    """
    Return the names that the type of an interface declares.

    Args:
        type_: The type.

    Returns:
        The names; those of the types that it extends are the last, so that what is missing is found soon.
    """
    declared = {
        name: None
        for each in inspect.getmro(cast(type, get_origin(type_) or type_))
        if getattr(each, "_is_protocol", False)
        for name in {**vars(each), **vars(each).get("__annotations__", {})}
    }
    return tuple(name for name in declared if not name.startswith("_") or name in ("__aiter__", "__call__"))
