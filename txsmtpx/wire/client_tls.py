"""How a client uses TLS (RFC 8446): how it verifies the certificate of the server, and why TLS has failed."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from functools import cache
from typing import Literal

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate as TrustedCertificate
from twisted.internet.ssl import PrivateCertificate, platformTrust, trustRootFromCertificates
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.errors import TLSFailed
from txsmtpx.grammar.domain import check_certificate_name, domain_key
from txsmtpx.grammar.host import plain_address
from txsmtpx.setting import SettingError
from txsmtpx.wire.tls_policy import client_options
from txsmtpx.wire.twisted_internals import IOpenSSLTrustRoot

log = Logger(__name__)

TrustRoots = str | os.PathLike[str] | IOpenSSLTrustRoot | TrustedCertificate
"""The path of a PEM file of certificates, a trust root of Twisted, or one certificate."""


TLSResult = Literal[
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-expired",
    "validation-failure",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
]
"""The ways in which TLS fails, as reports name them (RFC 8460 §4.3)."""

_WHY: dict[int, tuple[TLSResult, str]] = {
    7: ("certificate-not-trusted", "the certificate has a wrong signature"),
    10: ("certificate-expired", "the certificate has expired"),
    9: ("validation-failure", "the certificate is not valid yet"),
    18: ("certificate-not-trusted", "the certificate is self-signed"),
    19: ("certificate-not-trusted", "the certificate chain ends in a self-signed one that is not trusted"),
    20: ("certificate-not-trusted", "the certificate is signed by no authority that is trusted"),
    21: ("certificate-not-trusted", "the certificate is signed by no authority that is trusted"),
}
"""Words for the errors of X509_verify_cert(3) that users meet."""


def chain_fault(number: int) -> tuple[TLSResult, str]:
    """
    Describe why OpenSSL does not accept a chain of certificates.

    Args:
        number: The error of X509_verify_cert(3).

    Returns:
        The failure as reports name it, and in words.

    Example:
        >>> chain_fault(10)
        ('certificate-expired', 'the certificate has expired')
    """
    return _WHY.get(number, ("validation-failure", f"the certificate was not verified (error {number})"))


@implementer(IOpenSSLClientConnectionCreator)
class ClientTLS:
    """
    How a client uses TLS: it verifies the certificate of the server, and the name in it.

    The package service_identity compares the names (RFC 9525).

    `ClientSettings` creates one for each server.

    Attributes:
        hostname: The name that is verified.
        authenticates: As in the arguments.
        refused: What was wrong with the certificate of the last connection; None for nothing.
        result: The same, as reports name it.
        enforces: As in the arguments.

    Args:
        hostname: A DNS name, which is verified as its A-labels (RFC 9525 §6.3), or an IP address.
        trust_roots: The path of a PEM file, or a trust root of Twisted.  By default those of the system.
        client_certificate: What the client presents if the server asks for a certificate.
        names: The names that the certificate may have instead of ``hostname``; ``".example.org"`` for any name below
            that domain.
        authenticates: False if the name of the server itself may have been forged, as by DNS without DNSSEC.
        enforces: False to accept any certificate, and only set `refused`.

    Raises:
        ValueError: There is no name to verify, or it is no domain; or the file holds no certificate.
        OSError: The file cannot be read.
    """

    def __init__(
        self,
        hostname: str,
        trust_roots: TrustRoots | None = None,
        client_certificate: PrivateCertificate | None = None,
        names: Sequence[str] = (),
        authenticates: bool = True,
        enforces: bool = True,
    ) -> None:
        if not hostname:
            raise ValueError("TLS needs the name of the server: hostname=")
        hostname = plain_address(domain_key(hostname))
        if enforces and not names and not _is_address(hostname):
            check_certificate_name(hostname)
        self.hostname: str = hostname
        self.authenticates: bool = authenticates
        self.enforces: bool = enforces
        self.refused: str | None = None
        self.result: TLSResult = "validation-failure"
        self._names = names
        roots = _in_file(trust_roots) if isinstance(trust_roots, str | os.PathLike) else trust_roots
        trust_root = IOpenSSLTrustRoot(platformTrust() if roots is None else roots)
        self._options = client_options(client_certificate, trust_root)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Create a connection of OpenSSL that sets ``refused`` if it does not accept the certificate.

        Args:
            protocol: The TLS protocol.

        Returns:
            The connection (`IOpenSSLClientConnectionCreator`).
        """
        connection = SSL.Connection(self._options.getContext(), None)
        if not _is_address(self.hostname):
            connection.set_tlsext_host_name(self.hostname.encode("ascii"))
        self.refused = None

        def verify(conn: SSL.Connection, certificate: crypto.X509, number: int, depth: int, ok: int) -> bool:
            if not ok and self.refused is None:
                self.result, self.refused = chain_fault(number)
            elif depth == 0 and self.refused is None:  # the server's own certificate
                self.result, self.refused = "certificate-host-mismatch", self._name_error(certificate)
            return self.refused is None or not self.enforces

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection

    def _name_error(self, certificate: crypto.X509) -> str | None:
        """
        Return what is wrong with the name in the certificate.

        OpenSSL would lose an exception of this function, and accept the certificate.

        Returns:
            The description; None if the name is right.
        """
        try:
            if self._names:
                return _names_fault(certificate.to_cryptography(), self._names)
            if _is_address(self.hostname):
                verify_certificate_ip_address(certificate.to_cryptography(), self.hostname)
            else:
                verify_certificate_hostname(certificate.to_cryptography(), self.hostname)
        except (VerificationError, CertificateError):
            return f"the certificate is for another name than {self.hostname}"
        except Exception as error:
            return f"the name in the certificate cannot be verified: {error}"
        return None


def _names_fault(certificate: x509.Certificate, names: Sequence[str]) -> str | None:
    """
    Return what is wrong with the names in a certificate.

    Returns:
        The description; None if one of them is right.
    """
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [domain_key(each) for each in alternative.get_values_for_type(x509.DNSName) if each.isascii()]
    for name in names:
        if name.startswith(".") and any(each.endswith(name) for each in found):
            return None
        try:
            if not name.startswith("."):
                verify_certificate_hostname(certificate, name)
                return None
        except (VerificationError, CertificateError):
            continue
    return f"the certificate is for none of these names: {', '.join(names)}"


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
    How a client uses TLS with ``tls_verify=False``: it accepts any certificate.

    `TLSState.verified` is False then, so extensions that need a verified server (RFC 8689 §2) are not used.

    Attributes:
        hostname: The name of the server, for SNI (RFC 6066 §3); "" if it is not known.

    Args:
        hostname: A DNS name, an IP address, or "".
        client_certificate: What the client presents if the server asks for a certificate.
        warns: False if no warning is to be logged: a policy, not a setting, accepts any certificate.

    Raises:
        ValueError: The name is no domain.
    """

    def __init__(
        self, hostname: str, client_certificate: PrivateCertificate | None = None, warns: bool = True
    ) -> None:
        self._warns = warns
        self.hostname: str = plain_address(domain_key(hostname)) if hostname else ""
        self._options = client_options(client_certificate)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Create a connection of OpenSSL.

        Args:
            protocol: The TLS protocol.

        Returns:
            The connection (`IOpenSSLClientConnectionCreator`).
        """
        if self._warns:
            warn_unverified()
        connection = SSL.Connection(self._options.getContext(), None)
        if self.hostname and not _is_address(self.hostname):
            connection.set_tlsext_host_name(self.hostname.encode("ascii"))
        return connection


def check_trust_roots(path: str | os.PathLike[str]) -> None:
    """
    Check the file of trust roots before the first connection.  Each connection reads it again.

    Args:
        path: The path of a PEM file.

    Raises:
        SettingError: The file cannot be read, or does not begin with a certificate.
    """
    try:
        TrustedCertificate.loadPEM(_blocks(path)[0])
    except (OSError, crypto.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "its first certificate is malformed"
        raise SettingError("trust_roots", f"{os.fspath(path)!r} cannot be used: {why}") from error


def client_certificate_in(path: str | os.PathLike[str]) -> PrivateCertificate:
    """
    Load a certificate that a client shows.

    Args:
        path: The path of a PEM file with the certificate and its key.

    Returns:
        The certificate.

    Raises:
        ValueError: The file cannot be read, or has no certificate with its key.
    """
    try:
        with open(path, "rb") as file:
            found: PrivateCertificate = PrivateCertificate.loadPEM(file.read())
    except (OSError, ValueError, crypto.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it has no certificate with its key"
        raise ValueError(f"{os.fspath(path)!r} cannot be used: {why}") from error
    return found


def _in_file(path: str | os.PathLike[str]) -> IOpenSSLTrustRoot:
    """
    Return the trust root of the certificates in a PEM file.

    Returns:
        The trust root.

    Raises:
        ValueError: The file holds no certificate.
        OSError: The file cannot be read.
    """
    root: IOpenSSLTrustRoot = trustRootFromCertificates([TrustedCertificate.loadPEM(each) for each in _blocks(path)])
    return root


def _blocks(path: str | os.PathLike[str]) -> list[bytes]:
    with open(path, "rb") as file:
        blocks = file.read().split(b"-----BEGIN CERTIFICATE")[1:]
    if not blocks:
        raise SettingError("trust_roots", f"{os.fspath(path)!r} cannot be used: there is no certificate in it")
    return [b"-----BEGIN CERTIFICATE" + block for block in blocks]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def tls_failure(options: object, reason: BaseException | None, handshaking: bool) -> TLSFailed | None:
    """
    Return why TLS has ended a connection.

    Args:
        options: What the connection was made with, such as a `ClientTLS`.
        reason: The error that `connectionLost` was called with.
        handshaking: True if the handshake was not complete.

    Returns:
        The error for the caller; None if it was not TLS that ended the connection.
    """
    if handshaking and isinstance(options, ClientTLS) and options.enforces and options.refused is not None:
        return TLSFailed(options.refused)
    if isinstance(reason, VerificationError | CertificateError):
        return TLSFailed("the certificate is for another name")
    if isinstance(reason, SSL.Error):
        if handshaking and "wrong version number" in str(reason):
            return TLSFailed("the server sent something that is not TLS, such as plain text (wrong version number)")
        return TLSFailed(f"the handshake failed: {reason}" if handshaking else f"TLS failed: {reason}")
    return None
