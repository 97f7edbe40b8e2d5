"""
A TLS handshake that failed: why, in words for the log of the server.
"""

from __future__ import annotations

import re
from typing import Any

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
    "http request": "the client sent an HTTP request in the clear",
    "https proxy request": "the client sent an HTTP request in the clear",
    "unknown protocol": _PLAIN,
    "unsupported protocol": "the client speaks no TLS version that the server accepts",
    "version too low": "the client speaks no TLS version that the server accepts",
    "no shared cipher": "the client offers no cipher that the server accepts",
    "peer did not return a certificate": "the client showed no certificate",
    "certificate verify failed": "the server does not trust the client's certificate",
}
"""By OpenSSL's reason; others are shown as OpenSSL puts them."""


CLOSED = "the client closed the connection"


def failure_text(reason: Failure) -> str:
    """
    Say why a handshake failed.

    Args:
        reason: What ``connectionLost`` was called with.

    Returns:
        `CLOSED` where TLS itself has nothing to say.
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


def tls_connection(transport: Any) -> SSL.Connection:
    """OpenSSL's part of ``transport``, which may be wrapped."""
    while not hasattr(transport, "getHandle") or not hasattr(transport.getHandle(), "get_cipher_name"):
        transport = transport.transport
    connection: SSL.Connection = transport.getHandle()
    return connection


class Handshake:
    """A handshake that is not complete.  The server creates it when TLS begins, and drops it when TLS stands."""

    __slots__ = ("_began", "_clock", "_transport")

    def __init__(self, transport: Any, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        self._began = clock.seconds()

    @property
    def is_port_check(self) -> bool:
        """Whether the client has sent no TLS hello, and has not waited either: see `PORT_CHECK`."""
        if self._clock.seconds() - self._began >= PORT_CHECK:
            return False
        random = tls_connection(self._transport).client_random()
        return not any(random or b"")
