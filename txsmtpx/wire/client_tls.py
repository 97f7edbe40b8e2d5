"""
How a client uses TLS (RFC 8446): how it verifies the certificate of the server, and why TLS has failed.
"""

from __future__ import annotations

import ipaddress
import os
from functools import cache
from typing import Any

from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate as TrustedCertificate
from twisted.internet.ssl import CertificateOptions, TLSVersion, optionsForClientTLS, trustRootFromCertificates
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.errors import TLSFailed
from txsmtpx.grammar.domain import domain_key
from txsmtpx.grammar.host import plain_address
from txsmtpx.wire.tls_policy import CIPHERS

log = Logger(__name__)


_WHY = {
    10: "the certificate has expired",
    9: "the certificate is not valid yet",
    18: "the certificate is self-signed",
    19: "the certificate chain ends in a self-signed one that is not trusted",
    20: "the certificate is signed by nobody we trust",
    21: "the certificate is signed by nobody we trust",
}
"""Of the numbers of X509_verify_cert, those that users meet."""


@implementer(IOpenSSLClientConnectionCreator)
class ClientTLS:
    """
    How a client speaks TLS: the server's certificate is verified, and its name (RFC 6125, by service_identity).

    Attributes:
        hostname: The name that is verified.
        refused: What was wrong with the certificate of the last connection, None for nothing.

    Args:
        hostname: A DNS name, which is verified as its A-labels (RFC 9525 §6.3), or an IP address.
        trust_roots: None for the system's; the path of a PEM file; or an ``IOpenSSLTrustRoot``.
        client_certificate: A `twisted.internet.ssl.PrivateCertificate`.

    Raises:
        ValueError: There is no name to verify, or it is no domain; or the file holds no certificate.
        OSError: The file cannot be read.
    """

    def __init__(self, hostname: str, trust_roots: Any = None, client_certificate: Any = None) -> None:
        if not hostname:
            raise ValueError("TLS needs the name of the server: hostname=")
        self.hostname = hostname = plain_address(domain_key(hostname))
        self.refused: str | None = None
        if isinstance(trust_roots, str | os.PathLike):
            with open(trust_roots, "rb") as file:
                blocks = file.read().split(b"-----BEGIN CERTIFICATE")[1:]
            if not blocks:
                raise ValueError(f"trust_roots: there is no certificate in {os.fspath(trust_roots)!r}")
            found = [TrustedCertificate.loadPEM(b"-----BEGIN CERTIFICATE" + block) for block in blocks]
            trust_roots = trustRootFromCertificates(found)
        extra = {"raiseMinimumTo": TLSVersion.TLSv1_2, "acceptableCiphers": CIPHERS}
        self._options = optionsForClientTLS(
            hostname, trustRoot=trust_roots, clientCertificate=client_certificate, extraCertificateOptions=extra
        )

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """An OpenSSL connection (`IOpenSSLClientConnectionCreator`) that remembers why it was not content."""
        connection = self._options.clientConnectionForTLS(protocol)
        self.refused = None

        def verify(conn: SSL.Connection, certificate: crypto.X509, number: int, depth: int, ok: int) -> bool:
            if not ok:
                self.refused = _WHY.get(number, f"the certificate was not verified (error {number})")
            elif depth == 0:  # the server's own
                self.refused = self._mistaken(certificate)
            return self.refused is None

        # This takes the place of Twisted's callback, which in some versions is where it verifies the name.
        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection

    def _mistaken(self, certificate: crypto.X509) -> str | None:
        """What is wrong with the name in the certificate; an exception here would be lost, and so would the check."""
        try:
            if _is_address(self.hostname):
                verify_certificate_ip_address(certificate.to_cryptography(), self.hostname)
            else:
                verify_certificate_hostname(certificate.to_cryptography(), self.hostname)
        except (VerificationError, CertificateError):
            return f"the certificate is for another name than {self.hostname}"
        except Exception as error:
            return f"the name in the certificate cannot be verified: {error}"
        return None


@cache
def warn_unverified() -> None:
    """Log that certificates are not verified, once in the life of the process."""
    log.warn(
        "tls_verify=False: the certificates of mail servers are not verified. Anyone between this host and a server can"
        " read and change the mail, and read passwords. This warning is logged once."
    )


@implementer(IOpenSSLClientConnectionCreator)
class UnverifiedTLS:
    """
    How a client speaks TLS with `tls_verify=False`: any certificate is accepted.

    `TLSState.verified` is False then, so extensions that need a verified server (RFC 8689 §2) are not used.

    Attributes:
        hostname: The name of the server, for SNI (RFC 6066 §3); "" if it is not known.

    Args:
        hostname: A DNS name, an IP address, or "".
        client_certificate: A `twisted.internet.ssl.PrivateCertificate`.

    Raises:
        ValueError: The name is no domain.
    """

    def __init__(self, hostname: str, client_certificate: Any = None) -> None:
        self.hostname = plain_address(domain_key(hostname)) if hostname else ""
        own: dict[str, Any] = {}
        if client_certificate is not None:
            own = {"privateKey": client_certificate.privateKey.original, "certificate": client_certificate.original}
        self._options = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2, acceptableCiphers=CIPHERS, **own)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return an OpenSSL connection (`IOpenSSLClientConnectionCreator`)."""
        warn_unverified()
        connection = SSL.Connection(self._options.getContext(), None)
        if self.hostname and not _is_address(self.hostname):
            connection.set_tlsext_host_name(self.hostname.encode("ascii"))
        return connection


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def tls_failure(options: Any, reason: BaseException | None, handshaking: bool) -> TLSFailed | None:
    """
    What TLS had against a connection, in plain words; None where it was something else that ended it.

    Args:
        handshaking: Whether it was in its handshake.
    """
    if handshaking and isinstance(options, ClientTLS) and options.refused is not None:
        return TLSFailed(options.refused)
    if isinstance(reason, VerificationError | CertificateError):
        return TLSFailed("the certificate is for another name")
    if isinstance(reason, SSL.Error):
        if handshaking and "wrong version number" in str(reason):
            return TLSFailed("the server sent something that is not TLS, such as plain text (wrong version number)")
        return TLSFailed(f"the handshake failed: {reason}" if handshaking else f"TLS failed: {reason}")
    return None
