"""What each TLS context of the package allows: the cipher suites (RFC 9325 §4) and the answer to ALPN (RFC 7301)."""

from __future__ import annotations

from collections.abc import Sequence

from OpenSSL import SSL
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, PrivateCertificate, TLSVersion

from txsmtpx.wire.twisted_internals import IOpenSSLTrustRoot, set_tls_defaults, tls_protocol

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:DH+CHACHA20:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:!aNULL:!MD5:!DSS"
)
"""
The suites of TLS 1.2, the best first: those of Twisted, less key transport by static RSA.

Key transport by static RSA has no forward secrecy and must not be negotiated (RFC 9325 §4.1).  TLS 1.3 has no such
suite.  Postfix (``tls_medium_cipherlist``) and Exim leave the choice to OpenSSL, which still allows it.
"""

PROTOCOLS = (b"smtp", b"lmtp")
"""
The ALPN names that a port for mail accepts.  None is registered; users of HAProxy and submission clients write these.
"""


def answer_alpn(context: SSL.Context, protocols: Sequence[bytes] = ()) -> None:
    """
    Have servers that use a context answer clients that offer ALPN.

    The server accepts the protocols of the factory behind TLS (`IProtocolNegotiationFactory`) and ``protocols``.  If
    these are none, it accepts those of mail.  If none of them is offered, the handshake goes on without ALPN: some
    clients offer "http/1.1" for every protocol.  Twisted would end the handshake.

    Args:
        context: A context that no connection was made from yet.
        protocols: Further names that the server accepts.
    """

    def choose(connection: SSL.Connection, offered: Sequence[bytes]) -> object:
        tls = tls_protocol(connection)
        named = () if tls is None else protocols_of(tls.factory)
        accepted = (*named, *protocols) or PROTOCOLS
        return next((each for each in accepted if each in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

    context.set_alpn_select_callback(choose)  # type: ignore[arg-type]  # the sentinel has no type of its own


def protocols_of(factory: object) -> Sequence[bytes]:
    """
    Return the ALPN names of a factory, or of the first one that it wraps and that has any.

    Args:
        factory: A factory, or a wrapper of factories.

    Returns:
        The names; none if no factory provides `IProtocolNegotiationFactory`.
    """
    while factory is not None:
        if IProtocolNegotiationFactory.providedBy(factory):
            return tuple(factory.acceptableProtocols())
        factory = getattr(factory, "wrappedFactory", None)
    return ()


def client_options(
    certificate: PrivateCertificate | None, trust_root: IOpenSSLTrustRoot | None = None
) -> CertificateOptions:
    """
    Return the options of the contexts of clients.

    Args:
        certificate: What the client presents if the server asks for a certificate; None for nothing.
        trust_root: The authorities that certificates are verified with; None not to verify.

    Returns:
        The options.
    """
    return CertificateOptions(
        privateKey=None if certificate is None else certificate.privateKey.original,
        certificate=None if certificate is None else certificate.original,
        trustRoot=trust_root,
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=CIPHERS,
    )


def apply_to_endpoint_strings() -> None:
    """
    Apply this policy to the contexts that Twisted makes for endpoint strings (``ssl:``, ``tls:``, ``txsni:``).

    This changes the defaults of Twisted for the whole process, so only ``twistd smtpx`` calls it.  See
    `set_tls_defaults`.
    """
    set_tls_defaults(CIPHERS, answer_alpn)
