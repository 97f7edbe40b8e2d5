"""
The way out of a connection: what is written leaves at once, when nothing is queued before it.

A Twisted transport sends in the next turn of the reactor, for which it must be told to watch the socket for writing
and, a moment later, to stop: for a dialogue of short lines that is a third of all the work.  Nearly every reply
finds the socket ready, so it is tried first.  What it does not take goes the usual way, with all that Twisted
has for it: buffering, back-pressure, an orderly close.

Inside TLS there are two turns to save: Twisted's TLS waits one for more to encrypt, and its transport another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol


class Outlet:
    """Writes to one transport, in order."""

    __slots__ = ("_plain", "_tls", "_transport")

    def __init__(self, transport: Any) -> None:
        # A wrapper (TLS, PROXY) lends its looks from the socket below it, so it is the class that is asked.
        self._plain = isinstance(transport, Connection)
        self._tls: TLSMemoryBIOProtocol | None = None
        self._transport = transport
        if isinstance(transport, TLSMemoryBIOProtocol):
            self._tls = transport
            if isinstance(transport.transport, Connection):
                transport.transport = _Below(transport.transport, transport.transport)

    def write(self, octets: bytes) -> None:
        """Send ``octets``; the connection stands."""
        transport = self._transport
        if self._tls is not None:
            TLSMemoryBIOProtocol.write(self._tls, octets)  # that of its heirs would wait
        elif not self._plain:
            transport.write(octets)
        elif not transport.TLS:
            _send(transport, transport.write, octets)
        else:
            self._tls = tls = transport.protocol  # since STARTTLS
            transport.doWrite()  # the end of its handshake, so that nothing overtakes it
            tls.transport = _Below(tls.transport, transport)
            self.write(octets)


class _Below:
    """
    What TLS writes to; for TLS nothing has changed but that it is sent at once.

    Args:
        transport: What it was.
        connection: The `Connection` itself.
    """

    __slots__ = ("_connection", "_transport")

    def __init__(self, transport: Any, connection: Any) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, octets: bytes) -> None:
        """Send what is encrypted."""
        _send(self._connection, self._transport.write, octets)


def _send(connection: Any, queue: Callable[[bytes], object], octets: bytes) -> None:
    """
    Send ``octets`` on ``connection``, as far as it takes them.

    Args:
        queue: Takes the rest.
    """
    if connection.dataBuffer or connection.disconnecting or not connection.connected:
        queue(octets)  # what waits to be sent comes first
        return
    sent = connection.writeSomeData(octets)
    if sent == len(octets):
        return
    queue(octets[sent:] if sent.__class__ is int else octets)  # a lost connection comes to light there
    connection.doWrite()  # so that dataBuffer holds it, and nothing overtakes it
