"""
The way out of a connection: what is written leaves at once, when nothing is queued before it.

A Twisted transport sends in the next turn of the reactor, for which it must be told to watch the socket for writing
and, a moment later, to stop: for a dialogue of short lines that is a third of all the work.  Nearly every reply
finds the socket ready, so it is tried first.  What it does not take goes the usual way, with all that Twisted
has for it: buffering, back-pressure, an orderly close.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection


class Outlet:
    """Writes to one transport, in order."""

    __slots__ = ("_plain", "_transport")

    def __init__(self, transport: Any) -> None:
        # A wrapper (TLS, PROXY) lends its looks from the socket below it, so it is the class that is asked.
        self._plain = isinstance(transport, Connection)
        self._transport = transport

    def write(self, octets: bytes) -> None:
        """Send C{octets}; the connection stands."""
        transport = self._transport
        # dataBuffer is what waits to be sent.  Inside TLS the socket is not ours to write to.
        if not self._plain or transport.TLS or transport.dataBuffer or not transport.connected:
            transport.write(octets)
            return
        sent = transport.writeSomeData(octets)
        if sent == len(octets):
            return
        transport.write(octets[sent:] if sent.__class__ is int else octets)  # a lost connection comes to light there
        transport.doWrite()  # so that dataBuffer holds it, and nothing overtakes it
