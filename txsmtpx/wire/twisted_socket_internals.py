"""
What Twisted keeps private, or does not document, of its sockets.

`txsmtpx.wire.twisted_internals` has the rules for this file, and the releases of Twisted that were read.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from twisted.internet import tcp
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorFDSet,
    ITransport,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

if TYPE_CHECKING:
    pass

try:
    from twisted.internet import unix
except ImportError:  # Windows has no UNIX sockets
    unix = tcp  # type: ignore[misc]


# ---- Listening sockets that another process has opened


def adopt_port(reactor: IReactorFDSet, descriptor: int, family: int, factory: IProtocolFactory) -> IListeningPort:
    """
    Listen on a socket that listens already: systemd has opened it, or the parent of several worker processes.

    Why: `IReactorSocket.adoptStreamPort` creates a port that accepts all connections that wait, and that changes the
    mode of a UNIX socket.  The classes below do neither.  `_fromListeningDescriptor` makes a port of such a class.

    Args:
        reactor: Watches the socket.
        descriptor: The number of the socket.  It is duplicated, so the caller may close it.
        family: The address family, such as ``socket.AF_UNIX``.
        factory: Makes the protocols of the connections.

    Returns:
        The port, which accepts connections.
    """
    os.set_blocking(descriptor, False)
    port: tcp.Port
    if family == getattr(socket, "AF_UNIX", None):
        port = AdoptedUNIXPort._fromListeningDescriptor(reactor, descriptor, factory)  # type: ignore[no-untyped-call]
    else:
        port = AdoptedTCPPort._fromListeningDescriptor(  # type: ignore[no-untyped-call]
            reactor, descriptor, family, factory
        )
    port.startListening()
    listening: IListeningPort = port
    return listening


def keep_socket_open(port: IListeningPort) -> None:
    """
    Have a port close its descriptor only, when it stops, and not shut down the socket for all processes that have it.

    Why: the parent of several worker processes opens a port by ``listenTCP`` and hands the socket to them.
    `_shouldShutdown` is False only for ports that Twisted adopts.

    Args:
        port: A TCP or UNIX port of Twisted.
    """
    cast(_SharedPort, port)._shouldShutdown = False


class _SharedPort(Protocol):
    _shouldShutdown: bool


class AdoptedTCPPort(tcp.Port):
    """
    A TCP socket that several processes may share.  `adopt_port` creates it.

    Why: Twisted accepts `numberAccepts` connections in one turn of the reactor, up to 100.  Of several processes the
    first one would accept all that wait.  Of 16 connections that were opened together, one worker of two got all in
    26 of 30 tries with four at a time, and in none to two tries with one at a time.  No setting limits that number.
    """

    def doRead(self) -> None:
        """Accept one connection."""
        self.numberAccepts = 1
        super().doRead()  # type: ignore[no-untyped-call]


class AdoptedUNIXPort(unix.Port):
    """
    A UNIX socket that another process has opened.  `adopt_port` creates it.

    Why: Twisted's port would change the mode and the length of the queue, and remove the path at its end.  All three
    belong to the process that has opened the socket.
    """

    def startListening(self) -> None:
        """Accept connections, and change nothing of the socket.  This is what `tcp.Port.startListening` does."""
        adopted, self._preexistingSocket = self._preexistingSocket, None
        assert adopted is not None and self.factory is not None
        self.factory.doStart()
        self.socket = adopted
        self.fileno = adopted.fileno  # type: ignore[method-assign]  # as Twisted does
        self._shouldShutdown = False
        self.connected = True
        self.startReading()  # type: ignore[no-untyped-call]

    def doRead(self) -> None:
        """Accept one connection, for the reason that `AdoptedTCPPort` has."""
        self.numberAccepts = 1
        super().doRead()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        """
        Close the descriptor, and leave the path where it is.

        Args:
            reason: Why the port has stopped.
        """
        tcp.Port.connectionLost(self, reason)


# ---- Writes that do not wait for the reactor


write_unbuffered: Callable[[TLSMemoryBIOProtocol, bytes], None] = TLSMemoryBIOProtocol.write
"""
Encrypt octets and pass them on, at once.

Why: `BufferingTLSTransport`, the class that Twisted uses, waits one turn of the reactor for more.
"""


def is_socket(transport: object) -> bool:
    """
    Return whether a transport is a socket of Twisted itself, and no wrapper around one.

    Why: a wrapper (TLS, PROXY) passes unknown attributes on to the socket below it, so only the class tells.

    Args:
        transport: The transport of a protocol.

    Returns:
        True for a socket.
    """
    return isinstance(transport, tcp.Connection)


def send_plain(connection: tcp.Connection, octets: bytes) -> bool:
    """
    Send octets in the clear, at once, as far as the socket takes them.

    Why: `Connection.write` sends in the next turn of the reactor, which has to watch the socket for writing and then to
    stop: a third of the work of a dialog of short lines.

    Args:
        connection: A socket (`is_socket`).
        octets: What is sent.

    Returns:
        False if TLS has started on this connection (STARTTLS); nothing is sent then, see `tls_over`.
    """
    if connection.TLS:
        return False
    _send(connection, connection.write, octets)
    return True


def tls_over(connection: tcp.Connection) -> TLSMemoryBIOProtocol:
    """
    Return the TLS protocol that ``startTLS`` has put above a socket, and let it send at once.

    The first time, what the handshake has queued is sent, so that nothing overtakes it.

    Why: see `send_plain`.  Twisted puts the TLS protocol into the attribute `protocol` of the socket.

    Args:
        connection: A socket on which TLS has started.

    Returns:
        The protocol, for `write_unbuffered`.
    """
    tls = connection.protocol
    assert isinstance(tls, TLSMemoryBIOProtocol)
    if not isinstance(tls.transport, ImmediateTransport):
        connection.doWrite()
        tls.transport = cast(ITransport, ImmediateTransport(tls.transport, connection))
    return tls


def send_tls_at_once(tls: TLSMemoryBIOProtocol) -> None:
    """
    Let TLS send at once, where it began with the first octet of the connection.

    The first time, what the handshake has queued is sent, so that nothing overtakes it.

    Args:
        tls: The TLS protocol.  If what is below it is no socket, nothing changes.
    """
    if isinstance(tls.transport, tcp.Connection):
        tls.transport.doWrite()
        tls.transport = cast(ITransport, ImmediateTransport(tls.transport, tls.transport))


class ImmediateTransport:
    """
    What TLS writes to: the transport that it had, but encrypted octets are sent at once.

    `tls_over` and `send_tls_at_once` create it.

    Args:
        transport: The transport that TLS had; everything but `write` goes there.
        connection: The socket.
    """

    __slots__ = ("_connection", "_transport")

    def __init__(self, transport: ITransport | None, connection: tcp.Connection) -> None:
        assert transport is not None
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, octets: bytes) -> None:
        """
        Send encrypted octets.

        Args:
            octets: What is sent.
        """
        _send(self._connection, self._transport.write, octets)


def _send(connection: tcp.Connection, queue: Callable[[bytes], object], octets: bytes) -> None:
    """
    Send octets as far as the socket takes them.

    Args:
        connection: The socket.
        queue: Takes the rest; Twisted sends it when the socket has room.
        octets: What is sent.
    """
    if connection.dataBuffer or connection.disconnecting or not connection.connected:
        queue(octets)  # what waits to be sent comes first
        return
    sent = connection.writeSomeData(octets)
    if sent == len(octets):
        return
    queue(octets[sent:] if sent.__class__ is int else octets)  # Twisted notices a lost connection there
    connection.doWrite()  # so that dataBuffer holds it, and nothing overtakes it


def accept_one(port: tcp.Port) -> None:
    """
    Let a port accept one connection in its next turn of the reactor.

    Why: Twisted accepts up to `numberAccepts` connections in one turn, and does not stop when the port is paused.  It
    sets the number after each turn: to the connections accepted, and 20 more if the number was reached.

    Args:
        port: The port, between two turns.
    """
    port.numberAccepts = 1
