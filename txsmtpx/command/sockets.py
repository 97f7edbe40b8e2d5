"""
The reactor of endpoints that listen, and the sockets that several processes share.

Theory of operation.  Workers share the ports of their parent.  The parent opens the sockets (`Sockets`), accepts
nothing from them, and hands them to each worker by a `txsmtpx.command.handover.Handover` in its environment.  A worker
creates the same endpoints, and adopts the sockets instead of opening its own (`HandedSockets`).  Between an endpoint
and its socket there may be other endpoints (``haproxy:``, ``ssl:``).  All of them end in one of the methods here, so
every kind of endpoint works.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from typing import Protocol, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IOpenSSLContextFactory, IProtocolFactory, IReactorFDSet
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx.command.handover import Socket
from txsmtpx.command.place import Place, PortError, TCPPlace, UNIXPlace
from txsmtpx.wire.server_certificate import ConnectionCreator
from txsmtpx.wire.tls_policy import protocols_of
from txsmtpx.wire.twisted_socket_internals import adopt_port, keep_socket_open


class OpenPort(Protocol):
    """A port of Twisted that has a file descriptor."""

    addressFamily: int

    def fileno(self) -> int:
        """
        Return the file descriptor.

        Returns:
            The file descriptor.
        """

    def stopReading(self) -> None:
        """Accept nothing."""


class ListeningReactor(Protocol):
    """The part of a reactor that server endpoints ask for."""

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int, interface: str) -> IListeningPort:
        """
        Listen on a TCP port (`IReactorTCP`).

        Args:
            port: The number of the port.
            factory: Creates the protocols.
            backlog: The length of the queue of connections.
            interface: The address to listen on.

        Returns:
            The port.
        """

    def listenUNIX(
        self, address: str, factory: IProtocolFactory, backlog: int, mode: int, wantPID: bool
    ) -> IListeningPort:
        """
        Listen on a UNIX socket (`IReactorUNIX`).

        Args:
            address: The path.
            factory: Creates the protocols.
            backlog: The length of the queue of connections.
            mode: The permissions of the socket.
            wantPID: True to create a lock with a process number.

        Returns:
            The port.
        """


class Sockets:
    """
    A reactor, for endpoints that listen.  What else it is asked for goes to the real reactor.

    Args:
        reactor: The real reactor.

    Attributes:
        shared: The sockets that were opened for other processes.  This process accepts nothing from them.
        asked_by: The option that asks for a port; an error names it if another option asks for the same port.
        had: The places that were opened, each with the option that asked for it.
    """

    def __init__(self, reactor: object) -> None:
        self._reactor = cast(ListeningReactor, reactor)
        self._sharing = False
        self.shared: list[Socket] = []
        self.asked_by = ""
        self.had: list[tuple[Place, str]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._reactor, name)

    @property
    def unshared(self) -> Sockets:
        """The reactor for ports that each process opens for itself."""
        found = Sockets(self._reactor)
        found.had = self.had
        return found

    def share(self) -> None:
        """Open sockets for other processes from now on."""
        self._sharing = True

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort | None:
        """
        Listen on a TCP port (`IReactorTCP`).

        Args:
            port: The number of the port.
            factory: Creates the protocols.
            backlog: The length of the queue of connections.
            interface: The address to listen on, "" for all of IPv4.

        Returns:
            The port, None if it was only tried.

        Raises:
            PortError: The port cannot be opened.
        """
        place = TCPPlace(interface, port)
        return self._listen(place, factory, lambda: self._reactor.listenTCP(port, factory, backlog, interface))

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: IOpenSSLContextFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort | None:
        """
        Listen on a TCP port with TLS (`IReactorSSL`).

        Args:
            port: The number of the port.
            factory: Creates the protocols.
            contextFactory: The configuration of TLS.
            backlog: The length of the queue of connections.
            interface: The address to listen on, "" for all of IPv4.

        Returns:
            The port, None if it was only tried.
        """
        creator = ConnectionCreator(contextFactory, protocols_of(factory))
        return self.listenTCP(port, TLSMemoryBIOFactory(creator, False, factory), backlog, interface)

    def listenUNIX(
        self,
        address: str | bytes,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort | None:
        """
        Listen on a UNIX socket (`IReactorUNIX`), after a socket and a lock of a process that is gone are removed.

        Args:
            address: The path.
            factory: Creates the protocols.
            backlog: The length of the queue of connections.
            mode: The permissions of the socket.
            wantPID: True to create a lock with a process number.

        Returns:
            The port, None if it was only tried.

        Raises:
            PortError: The socket cannot be opened.
        """
        path = os.fsdecode(address)
        return self._listen(
            UNIXPlace(path), factory, lambda: self._reactor.listenUNIX(path, factory, backlog, mode, wantPID)
        )

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort | None:
        """
        Accept connections from an open socket (`IReactorSocket`).

        Args:
            fileDescriptor: The socket.
            addressFamily: Such as ``socket.AF_INET``.
            factory: Creates the protocols.

        Returns:
            The port, None if it was only tried.
        """
        port = adopt_port(cast(IReactorFDSet, self._reactor), fileDescriptor, addressFamily, factory)
        return self._note(f"descriptor:{fileDescriptor}", port)

    def _listen(
        self, place: Place, factory: IProtocolFactory, listen: Callable[[], IListeningPort]
    ) -> IListeningPort | None:
        try:
            place.prepare()
            port = listen()
        except CannotListenError as error:
            raise self.explained(place, error.socketError) from error
        except (OSError, OverflowError) as error:
            raise self.explained(place, error) from error
        self.had.append((place, self.asked_by))
        return self._note(place.name, port)

    def explained(self, place: Place, error: object) -> PortError:
        """
        Explain why a place cannot be opened.

        Args:
            place: The place.
            error: The error of the system.

        Returns:
            The error for an operator.
        """
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        return PortError(place, (self.owner(place) if in_use else "") or place.why_not(error))

    def owner(self, place: Place) -> str:
        """
        Return the reason why a place cannot be opened twice.

        Args:
            place: The place.

        Returns:
            The option that has the same port, in words; "" if none has.
        """
        same = [asked_by for had, asked_by in self.had if _same(had, place)]
        return f"{same[0]} has it already; choose another port" if same else ""

    def _note(self, place: str, port: IListeningPort) -> IListeningPort:
        if self._sharing:
            opened = cast(OpenPort, port)
            opened.stopReading()  # the reactor has had no chance yet to accept
            keep_socket_open(port)  # closing it here must not close it in the workers
            self.shared.append(Socket(place, int(opened.addressFamily), opened.fileno()))
        return port


def _same(one: Place, other: Place) -> bool:
    if isinstance(one, TCPPlace) and isinstance(other, TCPPlace):
        return one.port == other.port != 0  # if their addresses differ, both can be opened
    return one == other


class HandedSockets(Sockets):
    """
    The reactor of a worker, which adopts the sockets of its parent.

    Args:
        reactor: The real reactor.
        sockets: The sockets, as the worker has them.
    """

    def __init__(self, reactor: object, sockets: Iterable[Socket]) -> None:
        super().__init__(reactor)
        self._handed = list(sockets)

    def share(self) -> None:
        """Do nothing: the sockets are shared already."""

    def _listen(
        self, place: Place, factory: IProtocolFactory, listen: Callable[[], IListeningPort]
    ) -> IListeningPort | None:
        for socket in self._handed:
            if socket.place == place.name:
                self._handed.remove(socket)  # "tcp:0" may be there twice
                reactor = cast(IReactorFDSet, self._reactor)
                return adopt_port(reactor, socket.descriptor, socket.family, factory)
        return super()._listen(place, factory, listen)
