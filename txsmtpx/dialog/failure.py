"""
Failures whose exception belongs to one waiting Deferred, coroutine or observer.

Twisted gives one exception object, such as ``twisted.internet.main.CONNECTION_LOST``, to all connections.  Each raise
adds frames to its traceback.  The frames keep the connection and its message in memory.
"""

from __future__ import annotations

import copy
from types import FunctionType
from typing import Any

from twisted.python.failure import Failure


def own_failure(reason: Failure | BaseException) -> Failure:
    """
    Return a `Failure` whose exception is a copy: the same class, arguments and attributes, no traceback.

    Args:
        reason: The exception, or a failure with it; it stays as it is.
    """
    return Failure(own_error(reason.value if isinstance(reason, Failure) else reason))


def own_error(error: Any) -> Any:
    """Return a copy of an exception: the same class, arguments and attributes, no traceback."""
    kind: Any = type(error)
    if isinstance(kind.__init__, FunctionType):  # which may take other arguments than the exception keeps
        own = kind.__new__(kind, *error.args)
        own.args = error.args  # which OSError leaves to __init__
        vars(own).update(vars(error))
    else:
        own = copy.copy(error)
    return own
