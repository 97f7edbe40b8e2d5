"""
The output of a connection: what is written is sent at once, if nothing is queued before it.

A Twisted transport sends in the next turn of the reactor.  For that the reactor begins to watch the socket for writing
and, a moment later, ends it; for a dialog of short lines that is a third of all the work.  Nearly every reply finds the
socket ready, so it is sent first.  What the socket does not take goes the usual way, with Twisted's buffering,
back-pressure and orderly close.

Inside TLS this saves two turns: Twisted's TLS waits one for more to encrypt, and its transport another.
"""

from __future__ import annotations

from typing import Any

from twisted.protocols.tls import TLSMemoryBIOProtocol

from txsmtpx.wire.twisted_socket_internals import is_socket, send_plain, send_tls_at_once, tls_over, write_unbuffered


def send(transport: Any, octets: bytes) -> None:
    """
    Write octets to a transport that is open, with as few turns of the reactor as possible.

    Args:
        transport: The transport of a connection.  One without a socket is written to as it is.
        octets: The octets.
    """
    if is_socket(transport):
        if not send_plain(transport, octets):  # since STARTTLS
            write_unbuffered(tls_over(transport), octets)
    elif isinstance(transport, TLSMemoryBIOProtocol):
        send_tls_at_once(transport)
        write_unbuffered(transport, octets)
    else:
        transport.write(octets)
