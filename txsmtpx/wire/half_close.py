"""
A client that shuts down its sending side, and still reads: TCP's half-close (RFC 9293 §3.6.1).

Devices that send mail by ``nc`` do so.  TLS has no half-close here: Twisted answers the client's close_notify with the
server's own.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

ANSWER_TIMEOUT = 600.0
"""
Seconds that a client which sends no more waits for its next reply, while a message of it may still be stored.
RFC 5321 §4.5.3.2.6 has 10 minutes for the reply to a message.

The client may have closed the whole connection, which over TCP looks the same.  Without this limit, a backend that
never answers would hold such a connection for ever.
"""

LAST_ANSWER_TIMEOUT = 5.0
"""
Seconds for the last reply of all, if it is not to a message.  Nothing is lost but that reply, and most clients that end
like this, within a transaction, have closed the whole connection.
"""


def closed_entirely(transport: Any) -> bool:
    """
    Whether a client that sends no more does not read either, as far as the system knows.

    It knows for UNIX sockets.  A TCP client that has closed its socket answers the next write with RST, not before.
    """
    descriptor = getattr(transport, "fileno", None)
    if descriptor is None or not hasattr(select, "poll"):  # in memory, and on Windows
        return False
    poll = select.poll()
    poll.register(descriptor(), 0)  # POLLHUP and POLLERR are reported unasked
    return bool(poll.poll(0))


@implementer(IHalfCloseableProtocol)
class PassesHalfClose:
    """
    For a ``ProtocolWrapper``: the wrapped protocol learns that the client sends no more, where it can make use of that.
    """

    transport: Any
    wrappedProtocol: Any

    def readConnectionLost(self) -> None:
        """See ``IHalfCloseableProtocol``.  What is wrapped may be TLS, for which the connection has ended."""
        wrapped = IHalfCloseableProtocol(self.wrappedProtocol, None)
        if wrapped is None:
            self.transport.abortConnection()
        else:
            wrapped.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Never called, since the server does not shut down its sending side alone."""
