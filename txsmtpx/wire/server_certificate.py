"""
A server's certificate (RFC 8446 §4.4.2): read from files, and read again while connections live.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.grammar import asciitext
from txsmtpx.wire.tls_policy import CIPHERS, answer_alpn


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """
    A certificate and its key in files, for ``SMTPServerFactory(tls=...)``, and for whatever else takes a connection
    creator of Twisted.

    Connections take the options of the moment; `reload` makes new ones and leaves those in use alone.

    Attributes:
        names: The DNS names it is for, in lower case; ``*.example.org`` is any one label before ``.example.org``.
        expires: When it ends, with its time zone.

    Args:
        certificate: Path of a PEM file: the certificate, then its chain.
        key: Path of a PEM file with the key; None when it stands in the first.
        client_ca: Path of a PEM file with certificates: clients are asked, not forced, to show one that is
            signed by one of these (for AUTH EXTERNAL).

    Raises:
        ValueError: A file does not hold what it should, or key and certificate do not belong together.
        OSError: A file cannot be read.
    """

    def __init__(self, certificate: str, key: str | None = None, client_ca: str | None = None) -> None:
        self._certificate = certificate
        self._key = key or certificate
        self._client_ca = client_ca
        self.reload()

    def reload(self) -> None:
        """
        Read the files again.

        Raises:
            ValueError: See above; what was there before stays in force.
            OSError: Likewise.
        """
        options = _options(self._certificate, self._key, self._client_ca)
        assert options.certificate is not None
        leaf = options.certificate.to_cryptography()
        self.names, self.expires = _dns_names(leaf), leaf.not_valid_after_utc
        self.creator = ConnectionCreator(options)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """An OpenSSL connection, with the certificate of the moment (`IOpenSSLServerConnectionCreator`)."""
        connection: SSL.Connection = self.creator.serverConnectionForTLS(protocol)
        return connection


class UnusableAuthorities(ValueError):
    """The file of those who sign the certificates of clients holds no certificates."""


def _dns_names(leaf: x509.Certificate) -> tuple[str, ...]:
    """RFC 9525 §2: the common name is a host's only in certificates that are too old to say so elsewhere."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = [str(each.value) for each in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    except ValueError:  # whoever signed it did not look
        names = []
    return tuple(asciitext.lower(name) for name in names)


def _certificates(path: str) -> list[crypto.X509]:
    with open(path, "rb") as file:
        blocks = file.read().split(b"-----BEGIN CERTIFICATE")[1:]
    if not blocks:
        raise ValueError(f"no certificate in {path}")
    return [crypto.load_certificate(crypto.FILETYPE_PEM, b"-----BEGIN CERTIFICATE" + block) for block in blocks]


def _client_certificates(client_ca: str | None) -> dict[str, Any]:
    """What ``CertificateOptions`` takes to ask for certificates without insisting."""
    if client_ca is None:
        return {}
    try:
        return {"verify": True, "requireCertificate": False, "caCerts": _certificates(client_ca)}
    except (crypto.Error, ValueError) as error:
        raise UnusableAuthorities(f"{client_ca} holds no certificates ({error})") from error


def _options(certificate: str, key: str, client_ca: str | None) -> CertificateOptions:
    with open(key, "rb") as file:
        key_pem = file.read()
    authorities = _client_certificates(client_ca)
    try:
        chain = _certificates(certificate)
        private = crypto.load_privatekey(crypto.FILETYPE_PEM, key_pem)
        options = CertificateOptions(
            privateKey=private,
            certificate=chain[0],
            extraCertChain=chain[1:],
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=CIPHERS,
            **authorities,
        )
        options.getContext().check_privatekey()
        if client_ca is not None:
            options.getContext().load_client_ca(os.fsencode(client_ca))  # so that clients know which to show
    except (crypto.Error, SSL.Error, ValueError) as error:
        raise ValueError(f"{certificate} and {key} are no certificate with its key ({error})") from error
    return options


@implementer(IOpenSSLServerConnectionCreator)
class ConnectionCreator:
    """
    A side of TLS for each connection.

    Attributes:
        context: What they are made from, an ``OpenSSL.SSL.Context``.

    Args:
        options: Of Twisted, such as ``CertificateOptions``; its context answers ALPN from now on.
        protocols: See `answer_alpn`.
    """

    def __init__(self, options: Any, protocols: Sequence[bytes] = ()) -> None:
        self.context = options.getContext()
        with contextlib.suppress(ValueError):  # it has connections already, so it stays as it is
            answer_alpn(self.context, protocols)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """An OpenSSL connection (`IOpenSSLServerConnectionCreator`)."""
        return SSL.Connection(self.context, None)


class _Fixed(Certificate):
    """Options that someone else looks after."""

    def __init__(self, creator: Any) -> None:
        self.creator = creator

    def reload(self) -> None:
        """There is nothing to read."""


def adopt(tls: Any) -> Certificate | None:
    """
    What a user gave for TLS.

    Args:
        tls: None, a `Certificate`, an ``IOpenSSLServerConnectionCreator``, or a context factory such as
            ``CertificateOptions``.

    Raises:
        TypeError: Something else.
    """
    if tls is None or isinstance(tls, Certificate):
        return tls
    if hasattr(tls, "getContext"):
        return _Fixed(ConnectionCreator(tls))
    if IOpenSSLServerConnectionCreator.providedBy(tls):
        return _Fixed(tls)
    path = f"{tls!r}" if isinstance(tls, str) and os.path.splitext(tls)[1] else "'cert.pem', 'key.pem'"
    found = repr(tls) if isinstance(tls, str | bool) else f"{type(tls).__module__}.{type(tls).__name__}"
    raise TypeError(f"tls must be a Certificate, such as Certificate({path}), or a context of Twisted, not {found}")
