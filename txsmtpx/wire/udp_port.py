"""A UDP socket for one query, whose end is not logged."""

from __future__ import annotations

from typing import cast

from twisted.internet import udp
from twisted.internet.base import BasePort
from twisted.internet.interfaces import IReactorFDSet, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure


def udp_port(reactor: IReactorUDP, protocol: DatagramProtocol, interface: str) -> udp.Port:
    """
    Open a UDP socket on a port that the system chooses, whose end is not logged.

    The ports of `IReactorUDP.listenUDP` log a line when they are closed.  A resolver opens one for each query.

    Args:
        reactor: Watches the socket.
        protocol: Receives the datagrams.
        interface: The address to bind to.

    Returns:
        The port.
    """
    if not IReactorFDSet.providedBy(reactor):  # such as that of Windows, which has ports of its own
        return cast(udp.Port, reactor.listenUDP(0, protocol, interface, 8192))
    port = UnloggedUDPPort(0, protocol, interface, 8192, reactor)  # type: ignore[no-untyped-call]
    port.startListening()  # type: ignore[no-untyped-call]
    return port


class UnloggedUDPPort(udp.Port):
    """A port of Twisted without a line in the log at its end.  `udp_port` creates it."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Close the socket as `udp.Port` does.

        Args:
            reason: Why the port is closed.
        """
        self.maxThroughput = -1
        BasePort.connectionLost(self, reason)
        self.protocol.doStop()
        self.socket.close()
        del self.socket, self.fileno
        if hasattr(self, "d"):
            self.d.callback(None)
            del self.d
