"""
Failures whose exception belongs to one waiting Deferred, coroutine or observer.

Twisted gives one exception object, such as ``twisted.internet.main.CONNECTION_LOST``, to all connections.  Each raise
adds frames to its traceback.  The frames keep the connection and its message in memory.
"""

from __future__ import annotations

import copy
from types import FunctionType
from typing import TypeVar

from twisted.python.failure import Failure

E = TypeVar("E", bound=BaseException)


def own_failure(reason: Failure | BaseException) -> Failure:
    """
    Return a failure whose exception is a copy: the same class, arguments and attributes, no traceback.

    Args:
        reason: The exception, or a failure with it; it stays as it is.

    Returns:
        The failure.
    """
    error = reason.value if isinstance(reason, Failure) else reason
    assert error is not None
    return Failure(own_error(error))


def own_error(error: E) -> E:
    """
    Return a copy of an exception: the same class, arguments and attributes, no traceback.

    Args:
        error: The exception; it stays as it is.

    Returns:
        The copy.
    """
    kind = type(error)
    if isinstance(kind.__init__, FunctionType):  # which may take other arguments than the exception keeps
        own = kind.__new__(kind, *error.args)
        own.args = error.args  # which OSError leaves to __init__
        vars(own).update(vars(error))
    elif kind.__reduce__ is BaseException.__reduce__:  # as copy.copy does it, which asks for it first
        own = kind(*error.args)
        vars(own).update(vars(error))
    else:
        own = copy.copy(error)
    return own
