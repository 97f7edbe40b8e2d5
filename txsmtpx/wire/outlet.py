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
from functools import partial
from typing import Any

from twisted.protocols.tls import TLSMemoryBIOProtocol

from txsmtpx.wire.twisted_socket_internals import is_socket, send_plain, send_tls_at_once, tls_over, write_unbuffered

Writer = Callable[[Any, bytes], None]
"""Writes octets to a transport that is open."""


def writer_for(transport: Any) -> Writer | None:
    """
    Return the function that writes to a transport with fewer turns of the reactor than its own method takes.

    Args:
        transport: The transport of a connection, as it is at its beginning.

    Returns:
        A function of the transport and the octets.  None if the transport has no socket, and is written to as it is.
    """
    if is_socket(transport):
        return write_to_socket
    return write_inside_tls if isinstance(transport, TLSMemoryBIOProtocol) else None


def writer(transport: Any) -> Callable[[bytes], None]:
    """
    Return the function that writes to a transport with as few turns of the reactor as possible.

    Args:
        transport: As for `writer_for`.

    Returns:
        A function of the octets.
    """
    own: Callable[[bytes], None] = transport.write
    better = writer_for(transport)
    return own if better is None else partial(better, transport)


def write_to_socket(transport: Any, octets: bytes) -> None:
    """
    Write to a socket, on which TLS may start.

    Args:
        transport: The socket.
        octets: The octets.
    """
    if not send_plain(transport, octets):  # since STARTTLS
        write_unbuffered(tls_over(transport), octets)


def write_inside_tls(transport: Any, octets: bytes) -> None:
    """
    Write inside TLS that began with the first octet.

    Args:
        transport: The protocol of TLS.
        octets: The octets.
    """
    send_tls_at_once(transport)
    write_unbuffered(transport, octets)
