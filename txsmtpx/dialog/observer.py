"""Observers of a server, which get its events once each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ParamSpec

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Connection,
    FilterEvent,
    FilterObserverLike,
    IFilterObserver,
    IServerObserver,
    Summary,
    provides,
)
from txsmtpx.setting import shown

log = Logger(__name__)

P = ParamSpec("P")


@implementer(IFilterObserver)
class Observer:
    """
    An observer of a server; see `IServerObserver` and `IFilterObserver`.

    A method that is not overridden costs nothing.

    Example:
        >>> class Count(Observer):
        ...     messages = 0
        ...
        ...     def concluded(self, summary):
        ...         self.messages += summary.end == "answered"
    """

    def connected(self, connection: Connection) -> None:
        """
        Handle a new connection.

        Args:
            connection: The connection.
        """

    def secured(self, connection: Connection) -> None:
        """
        Handle a completed TLS handshake.

        Args:
            connection: The connection.
        """

    def commanded(self, connection: Connection, verb: str) -> None:
        """
        Handle a command, before it is executed.

        Args:
            connection: The connection.
            verb: The command in upper case; "" if the server does not know it.
        """

    def replied(self, connection: Connection, reply: Reply) -> None:
        """
        Handle a reply, which is written.

        Args:
            connection: The connection.
            reply: The reply.
        """

    def concluded(self, summary: Summary) -> None:
        """
        Handle the end of a transaction.

        Args:
            summary: The result of the transaction.
        """

    def filtered(self, connection: Connection, event: FilterEvent) -> None:
        """
        Handle the verdict of a filter.

        Args:
            connection: The connection.
            event: The verdict.
        """

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """
        Handle the loss of a connection.

        Args:
            connection: The connection.
            reason: Why it is lost.
        """


Notifier = Callable[..., object] | None
"""Calls a method of all observers that have it; None if none has."""


class Observers:
    """
    All observers of a server.  Each attribute calls that method of all of them, or is None.

    Args:
        observers: The observers, each an `IServerObserver`.

    Raises:
        TypeError: One is no observer, or the argument is an observer and no list.
    """

    def __init__(self, observers: Iterable[Any] = ()) -> None:
        if isinstance(observers, str | type) or not isinstance(observers, Iterable):
            raise TypeError(f"observers must be a list of observers, not {shown(observers)}")
        all_of_them = tuple(observers)
        for each in all_of_them:
            missing = [event for event in IServerObserver if not callable(getattr(each, event, None))]
            if isinstance(each, type) or missing:
                raise TypeError(f"observers must be objects with all methods of IServerObserver, not {shown(each)}")
        self.connected: Notifier = _notifier("connected", all_of_them)
        self.secured: Notifier = _notifier("secured", all_of_them)
        self.commanded: Notifier = _notifier("commanded", all_of_them)
        self.replied: Notifier = _notifier("replied", all_of_them)
        self.concluded: Notifier = _notifier("concluded", all_of_them)
        self.disconnected: Notifier = _notifier("disconnected", all_of_them)
        of_filters = [each for each in all_of_them if provides(each, FilterObserverLike)]
        self.filtered: Notifier = _notifier("filtered", of_filters)


def _notifier(event: str, observers: Iterable[Any]) -> Notifier:
    idle = getattr(Observer, event)
    methods = [getattr(each, event) for each in observers if getattr(type(each), event, None) is not idle]
    if not methods:
        return None
    if len(methods) == 1:
        return guarded(methods[0])
    each_guarded = [guarded(method) for method in methods]

    def notify(*what: Any) -> None:
        for each in each_guarded:
            each(*what)

    return notify


def guarded(method: Callable[P, object]) -> Callable[P, None]:
    """
    Return a function that calls a method of an observer, and logs its exceptions.

    Args:
        method: The method.

    Returns:
        The function.
    """

    def notify(*what: P.args, **named: P.kwargs) -> None:
        try:
            method(*what, **named)
        except BaseException:  # a broken observer must not stop the server
            log.failure("an observer failed: {method!r}", method=method)

    return notify
