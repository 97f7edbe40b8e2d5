"""
The output of a connection: what is written is sent at once, if nothing is queued before it.

A Twisted transport sends in the next turn of the reactor.  For that the reactor begins to watch the socket for writing
and, a moment later, ends it; for a dialog of short lines that is a third of all the work.  Nearly every reply finds the
socket ready, so it is sent first.  What the socket does not take goes the usual way, with Twisted's buffering,
back-pressure and orderly close.

Inside TLS this saves two turns: Twisted's TLS waits one for more to encrypt, and its transport another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.protocols.tls import TLSMemoryBIOProtocol

from txsmtpx.wire.twisted_socket_internals import is_socket, send_plain, send_tls_at_once, tls_over, write_unbuffered


def outlet_of(transport: Any) -> Outlet | None:
    """
    Return the outlet of a transport, if that is one of Twisted's sockets.

    Args:
        transport: The transport of the connection, as it is at its beginning.

    Returns:
        The outlet; None for a transport without a socket, which is written to as it is.
    """
    return Outlet(transport) if is_socket(transport) or isinstance(transport, TLSMemoryBIOProtocol) else None


def writer(transport: Any) -> Callable[[bytes], object]:
    """
    Return the function that writes to a transport with as few turns of the reactor as possible.

    Args:
        transport: The transport.

    Returns:
        That of an `Outlet`; the method of the transport itself if there is no turn to save.
    """
    outlet = outlet_of(transport)
    return transport.write if outlet is None else outlet.write


class Outlet:
    """
    Writes to one transport, in order.

    Args:
        transport: The transport of a connection.
    """

    __slots__ = ("_plain", "_tls", "_transport")

    def __init__(self, transport: Any) -> None:
        self._plain = is_socket(transport)
        self._tls: TLSMemoryBIOProtocol | None = None
        self._transport = transport
        if isinstance(transport, TLSMemoryBIOProtocol):
            self._tls = transport
            send_tls_at_once(transport)

    def write(self, octets: bytes) -> None:
        """
        Send octets on a connection that is open.

        Args:
            octets: The octets.
        """
        transport = self._transport
        if self._tls is not None:
            write_unbuffered(self._tls, octets)
        elif not self._plain:
            transport.write(octets)
        elif not send_plain(transport, octets):  # since STARTTLS
            self._tls = tls_over(transport)
            write_unbuffered(self._tls, octets)
