"""
The reactor, as endpoints see it that listen: where several processes share the ports, their parent opens the sockets
and they adopt them.

Between an endpoint and its socket there may be others (``haproxy:``, ``ssl:``); all of them end in one of these
methods.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx.command.place import Place, PortError, TCPPlace, UNIXPlace
from txsmtpx.wire.server_certificate import ConnectionCreator
from txsmtpx.wire.tls_policy import protocols_of
from txsmtpx.wire.twisted_socket_internals import adopt_port, keep_socket_open


@dataclass(frozen=True)
class Socket:
    """
    A listening socket.

    Attributes:
        place: The name of its `Place`.
        family: Such as ``socket.AF_INET``.
        descriptor: Its number.
    """

    place: str
    family: int
    descriptor: int


class Sockets:
    """
    A reactor.

    Attributes:
        shared: The sockets that were opened to be shared; this process accepts nothing from them.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._sharing = False
        self.shared: list[Socket] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    @property
    def unshared(self) -> Any:
        """The same for what each process has for itself, which is never shared."""
        return Sockets(self._reactor)

    def share(self) -> None:
        """From now on, sockets are opened for other processes."""
        self._sharing = True

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """
        See ``IReactorTCP``.

        Raises:
            PortError: It cannot be had.
        """
        place = TCPPlace(interface, port)
        return self._listen(place, factory, lambda: self._reactor.listenTCP(port, factory, backlog, interface))

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = "") -> Any:
        """See ``IReactorSSL``."""
        creator = ConnectionCreator(contextFactory, protocols_of(factory))
        return self.listenTCP(port, TLSMemoryBIOFactory(creator, False, factory), backlog, interface)

    def listenUNIX(self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: Any = 0) -> Any:
        """
        See ``IReactorUNIX``.  A socket and a lock that a process left which is gone do not stop it.

        Raises:
            PortError: It cannot be had.
        """
        place = UNIXPlace(os.fsdecode(address))
        return self._listen(place, factory, lambda: self._reactor.listenUNIX(address, factory, backlog, mode, wantPID))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """See ``IReactorSocket``."""
        return self._note(
            f"descriptor:{fileDescriptor}", adopt_port(self._reactor, fileDescriptor, addressFamily, factory)
        )

    def _listen(self, place: Place, factory: Any, listen: Callable[[], Any]) -> Any:
        try:
            place.prepare()
            port = listen()
        except CannotListenError as error:
            raise PortError(place, place.why_not(error.socketError)) from error
        except (OSError, OverflowError) as error:
            raise PortError(place, place.why_not(error)) from error
        return self._note(place.name, port)

    def _note(self, place: str, port: Any) -> Any:
        if self._sharing:
            port.stopReading()  # there was no turn of the reactor in which it could have accepted
            keep_socket_open(port)  # closing it here must not close it in the workers
            self.shared.append(Socket(place, int(port.addressFamily), port.fileno()))
        return port


class HandedSockets(Sockets):
    """A reactor of a process that was handed its sockets."""

    def __init__(self, reactor: Any, sockets: Iterable[Socket]) -> None:
        super().__init__(reactor)
        self._handed = list(sockets)

    def share(self) -> None:
        """They are shared already."""

    def _listen(self, place: Place, factory: Any, listen: Callable[[], Any]) -> Any:
        for socket in self._handed:
            if socket.place == place.name:
                self._handed.remove(socket)  # "tcp:0" may have been asked for twice
                return adopt_port(self._reactor, socket.descriptor, socket.family, factory)
        return super()._listen(place, factory, listen)
