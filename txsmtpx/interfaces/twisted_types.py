"""The types of Twisted's clocks and endpoints, for type checkers without a plugin for zope.interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProducer, IProtocolFactory, IReactorTime


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


Reactor = Clock | IReactorTime | ModuleType
"""A reactor.  Type checkers take the global one, `twisted.internet.reactor`, for an interface or for a module."""


elsewhere: list[Callable[[], Reactor | None]] = []
"""The functions of `also_find_reactor`; none in a program that does not import `txsmtpx.aio`."""


def also_find_reactor(find: Callable[[], Reactor | None]) -> None:
    """
    Find reactors that are not the global one, as `txsmtpx.aio` does for loops of asyncio.

    Args:
        find: It returns the reactor of the caller's thread; None without one.
    """
    elsewhere.append(find)


def clock_of(reactor: Reactor | None) -> Clock:
    """
    Return a reactor as a clock.

    Args:
        reactor: The reactor.  None: the global one; in a loop of asyncio, that of `txsmtpx.aio`, if it is imported.

    Returns:
        The reactor.
    """
    reactor = reactor or found_elsewhere()
    if reactor is None:
        from twisted.internet import reactor
    return cast(Clock, reactor)


def found_elsewhere() -> Reactor | None:
    """
    Return the reactor of the caller's thread, if it is not the global one (`also_find_reactor`).

    Returns:
        The reactor; None for the global one, which is not imported.
    """
    return next((reactor for reactor in (find() for find in elsewhere) if reactor is not None), None)


class ClientEndpoint(Protocol):
    """The type of `twisted.internet.interfaces.IStreamClientEndpoint`."""

    def connect(self, protocolFactory: IProtocolFactory, /) -> Deferred[Any]:
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


class ServerEndpoint(Protocol):
    """The type of `twisted.internet.interfaces.IStreamServerEndpoint`."""

    def listen(self, protocolFactory: IProtocolFactory, /) -> Deferred[Any]:
        """
        Listen.

        Args:
            protocolFactory: It makes the protocols.

        Returns:
            A Deferred of the port.
        """


class StreamTransport(Protocol):
    """The type of `twisted.internet.interfaces.ITCPTransport` that is a consumer too."""

    def write(self, data: bytes, /) -> None:
        """
        Write octets.

        Args:
            data: The octets.
        """

    def writeSequence(self, data: Iterable[bytes], /) -> None:
        """
        Write octets in pieces.

        Args:
            data: The pieces.
        """

    def loseConnection(self) -> None:
        """Close the connection after everything has been written."""

    def loseWriteConnection(self) -> None:
        """Close the half of this end."""

    def abortConnection(self) -> None:
        """Close the connection now."""

    def registerProducer(self, producer: IProducer, streaming: bool, /) -> None:
        """
        Register a producer.

        Args:
            producer: The producer.
            streaming: True for an `IPushProducer`.
        """

    def unregisterProducer(self) -> None:
        """Unregister the producer."""
