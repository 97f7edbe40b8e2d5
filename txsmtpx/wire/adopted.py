"""
Listening sockets that another process has opened: systemd, or the parent of several workers.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

try:
    from twisted.internet import unix
except ImportError:  # Windows has none
    unix = tcp  # type: ignore[misc]

log = Logger(__name__)


def adopt_port(reactor: Any, descriptor: int, family: int, factory: Any) -> IListeningPort:
    """
    Listen on a socket that listens already.

    Args:
        descriptor: Of the socket; it is duplicated, so it may be closed.
        family: Such as ``socket.AF_UNIX``.
        factory: For its connections.
    """
    os.set_blocking(descriptor, False)
    port: Any
    if family == getattr(socket, "AF_UNIX", None):
        port = AdoptedUNIXPort._fromListeningDescriptor(reactor, descriptor, factory)  # type: ignore[no-untyped-call]
    else:
        port = AdoptedTCPPort._fromListeningDescriptor(  # type: ignore[no-untyped-call]
            reactor, descriptor, family, factory
        )
    port.startListening()
    return port  # type: ignore[no-any-return]


class AdoptedTCPPort(tcp.Port):
    """A TCP socket that other processes may have too."""

    def doRead(self) -> None:
        """
        Accept one connection.  Twisted takes as many as there are; of several processes, the first to look would get
        all that wait: with four at a time, 16 connections opened together were one worker's alone in 26 of 30 tries,
        with one at a time in none or two.
        """
        self.numberAccepts = 1
        super().doRead()  # type: ignore[no-untyped-call]


class AdoptedUNIXPort(unix.Port):
    """
    A UNIX socket that is somebody else's: its mode, its queue and its name in the file system stay as they are.
    Twisted's own would let everybody in, and remove it in the end.
    """

    factory: Any

    def startListening(self) -> None:
        """Accept connections."""
        adopted: Any = self
        adopted.socket, self._preexistingSocket = self._preexistingSocket, None
        path = os.fsdecode(adopted.socket.getsockname())
        log.info("{what} starting on {path!r}", what=self._getLogPrefix(self.factory), path=path)
        self.factory.doStart()
        adopted.fileno = adopted.socket.fileno
        self._shouldShutdown = False  # which would end it for all processes
        self.connected = True
        adopted.startReading()

    def doRead(self) -> None:
        """Accept one connection, as `AdoptedTCPPort` does."""
        self.numberAccepts = 1
        super().doRead()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any) -> None:
        """No more of them."""
        tcp.Port.connectionLost(self, reason)
