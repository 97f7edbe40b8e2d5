"""
Those who watch the server: what happens is told here, once, whoever counts it or writes it down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, IServerObserver, Summary
from txsmtpx.setting import shown

log = Logger(__name__)


@implementer(IServerObserver)
class Observer:
    """Is interested in nothing that is not overridden, which then costs nothing either; see `IServerObserver`."""

    def connected(self, connection: Connection) -> None:
        """A client has connected."""

    def secured(self, connection: Connection) -> None:
        """TLS stands."""

    def commanded(self, connection: Connection, verb: str) -> None:
        """A command has come."""

    def replied(self, connection: Connection, reply: Reply) -> None:
        """A reply was given."""

    def concluded(self, summary: Summary) -> None:
        """A transaction is over."""

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """The connection is gone."""


Told = Callable[..., object] | None
"""Tells all who want to know; None where nobody does."""


class Observers:
    """
    All who watch a server.  Each attribute is that method of all of them, or None.

    Args:
        observers: Each an `IServerObserver`.

    Raises:
        TypeError: One is none, or ``observers`` is one observer by itself.
    """

    def __init__(self, observers: Iterable[Any] = ()) -> None:
        if isinstance(observers, str | type) or not isinstance(observers, Iterable):
            raise TypeError(f"observers must be a list of observers, not {shown(observers)}")
        everybody = tuple(observers)
        for each in everybody:
            missing = [event for event in IServerObserver if not callable(getattr(each, event, None))]
            if isinstance(each, type) or missing:
                raise TypeError(f"observers must be objects with all methods of IServerObserver, not {shown(each)}")
        self.connected = _told("connected", everybody)
        self.secured = _told("secured", everybody)
        self.commanded = _told("commanded", everybody)
        self.replied = _told("replied", everybody)
        self.concluded = _told("concluded", everybody)
        self.disconnected = _told("disconnected", everybody)


def _told(event: str, observers: Iterable[Any]) -> Told:
    idle = getattr(Observer, event)
    methods = [getattr(each, event) for each in observers if getattr(type(each), event, None) is not idle]
    if not methods:
        return None
    if len(methods) == 1:
        return _guarded(methods[0])
    everybody = [_guarded(method) for method in methods]

    def tell(*what: Any) -> None:
        for each in everybody:
            each(*what)

    return tell


def _guarded(method: Callable[..., object]) -> Callable[..., None]:
    def tell(*what: Any) -> None:
        try:
            method(*what)
        except BaseException:  # whoever watches must not be in the way
            log.failure("an observer failed: {method!r}", method=method)

    return tell
