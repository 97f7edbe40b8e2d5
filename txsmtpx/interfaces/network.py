"""
The types of Twisted's clocks and endpoints, for type checkers without a plugin for zope.interface.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory


@runtime_checkable
class Clock(Protocol):
    """The type of `twisted.internet.interfaces.IReactorTime`: a reactor, or `twisted.internet.task.Clock`."""

    def seconds(self) -> float:
        """
        Return the time.

        Returns:
            Seconds; from when is not defined.
        """

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object) -> IDelayedCall:
        """
        Call a function later.

        Args:
            delay: Seconds.
            callable: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            The call, which can be cancelled.
        """


Reactor = Clock | ModuleType
"""A reactor.  Type checkers take the global one, `twisted.internet.reactor`, for a module."""


@runtime_checkable
class ClientEndpoint(Protocol):
    """The type of `twisted.internet.interfaces.IStreamClientEndpoint`."""

    def connect(self, protocolFactory: IProtocolFactory, /) -> Deferred[object]:
        """
        Connect.

        Args:
            protocolFactory: It makes the protocol.

        Returns:
            A Deferred of the protocol.
        """


Endpoint = ClientEndpoint | str | tuple[str, int]
"""
The address of a server: a client endpoint; or its string, such as ``"tcp:HOST:PORT"``; or ``(host, port)``.
"""
