"""
What every TLS context of ours allows: the cipher suites (RFC 9325 §4) and the answer to ALPN (RFC 7301).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.ssl import AcceptableCiphers

from txsmtpx.wire.twisted_internals import set_tls_defaults, tls_protocol

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:DH+CHACHA20:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:!aNULL:!MD5:!DSS"
)
"""
The suites of TLS 1.2, the best first: those of Twisted without key transport by static RSA, which has no forward
secrecy and must not be negotiated (RFC 9325 §4.1).  TLS 1.3 has none of that kind.
"""

PROTOCOLS = (b"smtp", b"lmtp")
"""
The ALPN names of a port for mail.  None is registered; these are what HAProxy's users and submission clients write.
"""

_NONE_IN_COMMON = SSL.NO_OVERLAPPING_PROTOCOLS


def answer_alpn(context: SSL.Context, protocols: Sequence[bytes] = ()) -> None:
    """
    Have servers that use ``context`` answer clients that offer ALPN.

    The server speaks what the factory behind TLS names (`IProtocolNegotiationFactory`) and ``protocols``; if there are
    none, mail.  If it speaks nothing that the client offers, the handshake goes on without ALPN: some clients offer
    "http/1.1" whatever they speak.  Twisted would end the handshake.

    Args:
        context: One that no connection was made from yet.
    """

    def choose(connection: SSL.Connection, offered: Sequence[bytes]) -> Any:
        tls = tls_protocol(connection)
        named = () if tls is None else protocols_of(tls.factory)
        return next((each for each in (*named, *protocols) or PROTOCOLS if each in offered), _NONE_IN_COMMON)

    context.set_alpn_select_callback(choose)


def protocols_of(factory: Any) -> Sequence[bytes]:
    """
    Return what a factory, or one that it wraps, says that it speaks.

    Returns:
        Nothing if none of them says so.
    """
    while factory is not None:
        if IProtocolNegotiationFactory.providedBy(factory):
            return tuple(factory.acceptableProtocols())
        factory = getattr(factory, "wrappedFactory", None)
    return ()


def apply_to_endpoint_strings() -> None:
    """
    Have the contexts that Twisted makes for endpoint strings (``ssl:``, ``tls:``, ``txsni:``) follow this policy too.

    An endpoint string has no word for either, and parsers make contexts whenever they read a certificate again.  So
    this changes the defaults of Twisted for the whole process: only ``twistd smtpx`` calls it, no library does.
    """
    set_tls_defaults(CIPHERS, answer_alpn)
