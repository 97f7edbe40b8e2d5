"""
TLS (RFC 8446): what a connection has agreed on, how a client verifies the server, what binds a login to the channel.
"""

from __future__ import annotations

import ipaddress
import os
from functools import cache, cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
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


class TLSState:
    """
    What was negotiated.

    Attributes:
        version: Such as "TLSv1.3".
        cipher: Its OpenSSL name.
        peer_certificate: The client's certificate, None where it showed none.
        verified: Whether there is one, signed by whom we trust.
        peer_names: What it calls its owner: e-mail addresses, DNS names, the common name.
        bindings: What binds a login to this channel, see `channel_bindings`; nothing once it has gone.

    Args:
        server: Whether this is the server's end.
    """

    def __init__(self, connection: SSL.Connection, server: bool = False) -> None:
        self.version = connection.get_protocol_version_name()
        self.cipher = connection.get_cipher_name()
        self.peer_certificate: crypto.X509 | None = connection.get_peer_certificate()
        asked = bool(connection.get_verify_mode() & SSL.VERIFY_PEER)
        self.verified = self.peer_certificate is not None and asked
        self.peer_names = () if self.peer_certificate is None else _names(self.peer_certificate.to_cryptography())
        self._connection: SSL.Connection | None = connection
        self._server = server

    @cached_property
    def bindings(self) -> dict[str, bytes]:
        """What binds a login to this channel; made when somebody asks, which most connections never do."""
        return {} if self._connection is None else channel_bindings(self._connection, self._server)

    def lost(self) -> None:
        """
        The connection has gone: OpenSSL's part of it, tens of KiB, is freed now, and not when Python next looks for
        cycles, which is after some dozens of connections more.
        """
        self._connection = None

    def __repr__(self) -> str:
        return f"<TLSState {self.version} {self.cipher}>"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        alternative = names.get_values_for_type(x509.RFC822Name) + names.get_values_for_type(x509.DNSName)
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except x509.ExtensionNotFound:
        alternative, common = [], certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:  # whoever signed it did not look
        return ()
    return tuple(dict.fromkeys([*alternative, *(str(each.value) for each in common)]))


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


def channel_bindings(connection: SSL.Connection, server: bool = False) -> dict[str, bytes]:
    """
    What binds a login to this channel, the best first.

    tls-exporter (RFC 9266) is of this very connection.  In TLS 1.2 it is none where there is no extended master secret,
    which OpenSSL does not tell us of, so there it is left out.  tls-server-end-point (RFC 5929 §4.1) is the hash of the
    server's certificate.

    Args:
        server: Whether that is ours.
    """
    bindings = {}
    if connection.get_protocol_version_name() == "TLSv1.3":
        bindings["tls-exporter"] = connection.export_keying_material(b"EXPORTER-Channel-Binding", 32)
    look = connection.get_certificate if server else connection.get_peer_certificate
    certificate = look(as_cryptography=True)
    algorithm = None if certificate is None else certificate.signature_hash_algorithm
    if certificate is not None and algorithm is not None:
        weak = algorithm.name in ("md5", "sha1")
        bindings["tls-server-end-point"] = certificate.fingerprint(SHA256() if weak else algorithm)
    return bindings
