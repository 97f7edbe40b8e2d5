"""A TLS handshake that failed: the reason, in words for the log of the server."""

from __future__ import annotations

import re
from typing import cast

from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

PORT_CHECK = 2.0
"""
Seconds.  A monitor that connects to a TLS port and closes it, without an octet, is not worth a line in the log.  A mail
client that does so has waited longer, for a greeting in the clear.
"""

_ALERT = re.compile(r"(?:sslv3|tlsv1|tlsv13|ssl/tls) alert (.*)")

_CERTIFICATE_ALERTS = {
    "bad certificate", "unsupported certificate", "certificate revoked", "certificate expired", "certificate unknown",
    "unknown ca",
}  # fmt: skip

_PLAIN = "the client sent something that is not TLS, such as plain text"

_WORDS = {
    "wrong version number": _PLAIN,
    "record layer failure": _PLAIN,  # the words of OpenSSL 3.4
    "http request": "the client sent an HTTP request in the clear",
    "https proxy request": "the client sent an HTTP request in the clear",
    "unknown protocol": _PLAIN,
    "unsupported protocol": "the client supports no TLS version that the server accepts",
    "version too low": "the client supports no TLS version that the server accepts",
    "no shared cipher": "the client offers no cipher that the server accepts",
    "peer did not return a certificate": "the client presented no certificate",
    "certificate verify failed": "the server does not trust the client's certificate",
}
"""The log's words for each reason of OpenSSL.  Other reasons are logged as OpenSSL words them."""


CLOSED = "the client closed the connection"


def failure_text(reason: Failure) -> str:
    """
    Return why a handshake failed.

    Args:
        reason: The reason that `connectionLost` was called with.

    Returns:
        The text for the log; `CLOSED` if it was no error of TLS.
    """
    error = reason.value
    if not isinstance(error, SSL.Error) or not error.args or not isinstance(error.args[0], list) or not error.args[0]:
        return CLOSED
    text = str(error.args[0][-1][-1])
    alert = _ALERT.match(text)
    if alert is None:
        return f"{_WORDS[text]} ({text})" if text in _WORDS else text
    if alert[1] in _CERTIFICATE_ALERTS:
        return f"the client does not accept the server's certificate ({text})"
    return f"the client ended it ({text})"


def tls_connection(transport: object) -> SSL.Connection:
    """
    Return the connection of OpenSSL below a protocol.

    Args:
        transport: The transport of the protocol.  There may be wrappers between it and TLS.

    Returns:
        The connection.

    Raises:
        AttributeError: There is no TLS below the protocol.
    """
    while True:
        get_handle = getattr(transport, "getHandle", None)
        handle = None if get_handle is None else get_handle()
        if hasattr(handle, "get_cipher_name"):  # the handle of txsni is a proxy, so its class says nothing
            return cast(SSL.Connection, handle)
        transport = transport.transport  # type: ignore[attr-defined]  # of a wrapper


class Handshake:
    """
    A handshake that is not complete.  `Opening` creates it when TLS begins, and drops it when TLS is complete.

    Args:
        transport: The transport of the server.
        clock: Measures how long the client waits.
    """

    __slots__ = ("_began", "_clock", "_transport")

    def __init__(self, transport: object, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        self._began = clock.seconds()

    @property
    def is_port_check(self) -> bool:
        """True if the client has sent no TLS hello, and has not waited either (`PORT_CHECK`)."""
        if self._clock.seconds() - self._began >= PORT_CHECK:
            return False
        random = tls_connection(self._transport).client_random()
        return not any(random or b"")
