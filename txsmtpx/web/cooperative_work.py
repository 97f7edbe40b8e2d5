"""
Work that takes longer than the reactor may be blocked, such as a search in a thousand messages.

Theory of operation: the work is a generator.  After each step of up to 10 milliseconds it yields, so that the mail
server in the same process goes on.  The Cooperator of `txsmtpx.wire.http_site.LimitedSite` runs it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

CooperativeWork = Generator[Deferred[None] | None, None, T]
"""Work in steps.  It yields None to let other work go on, or a Deferred to wait for it; it returns its result."""


def result_of(deferred: Deferred[T]) -> CooperativeWork[T]:
    """
    Wait for a Deferred.

    Args:
        deferred: It is cancelled if the request ends first.

    Returns:
        The result of the Deferred.  If it fails, its exception is raised.

    Yields:
        The Deferred.
    """
    outcome: list[T | Failure] = []
    fired = deferred.addBoth(outcome.append)
    try:
        yield fired
    finally:
        deferred.cancel()
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    found: T = outcome[0]
    return found
