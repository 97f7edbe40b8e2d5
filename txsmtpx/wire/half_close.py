"""
A client that shuts down its sending side and still reads: TCP's half-close (RFC 9293 §3.6.1).

Devices that send mail by ``nc`` do so.  TLS has no half-close here: Twisted answers the client's close_notify with the
server's own.
"""

from __future__ import annotations

import select
from typing import cast

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ITCPTransport, ITransport
from zope.interface import implementer


def closed_entirely(transport: object) -> bool:
    """
    Return whether a client that sends no more does not read either, as far as the system knows.

    The system knows for UNIX sockets.  A TCP client that has closed its socket answers the next write with RST, not
    before.

    Args:
        transport: The transport of the client.

    Returns:
        True if both directions are closed.  False if that is not known: over TCP, in memory, and on Windows.
    """
    descriptor = getattr(transport, "fileno", None)
    if descriptor is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor(), 0)  # poll reports POLLHUP and POLLERR in any case
    return bool(poll.poll(0))


@implementer(IHalfCloseableProtocol)
class PassesHalfClose:
    """
    A mix-in for a `ProtocolWrapper`: it tells the wrapped protocol that the client sends no more.

    `ProtocolWrapper` does not pass that on, so the transport would close the connection.
    """

    transport: ITransport | None
    wrappedProtocol: IProtocol

    def readConnectionLost(self) -> None:
        """
        Pass the half-close on; abort the connection if the wrapped protocol knows none, as TLS.

        See `IHalfCloseableProtocol`.
        """
        wrapped = IHalfCloseableProtocol(self.wrappedProtocol, None)
        if wrapped is None:
            cast(ITCPTransport, self.transport).abortConnection()
        else:
            wrapped.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Do nothing: the server never shuts down its sending side alone."""
