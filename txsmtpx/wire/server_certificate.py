"""The certificate of a server (RFC 8446 §4.4.2): read from files, and read again while connections are open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from typing import cast

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.grammar import asciitext
from txsmtpx.wire.tls_policy import CIPHERS, answer_alpn


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """
    A certificate and its key in files, for ``SMTPServerFactory(tls=...)``.

    Twisted accepts it wherever it accepts a connection creator.

    A connection uses the certificate that was read last before it began.  `reload` does not change connections that are
    open.

    Attributes:
        names: The DNS names of the certificate, in lower case; ``*.example.org`` is any one label before
            ``.example.org``.
        expires: When the certificate expires, with a time zone.

    Args:
        certificate: The path of a PEM file: the certificate, then its chain.
        key: The path of a PEM file with the key; by default it is in the first file.
        client_ca: The path of a PEM file with certificates of authorities.  Clients are asked for a certificate that
            one of these has signed, for AUTH EXTERNAL.  They may present none.

    Raises:
        ValueError: A file does not hold what it should, or key and certificate do not belong together.
        OSError: A file cannot be read.
        TypeError: A value is no path.

    Example:
        A server that offers STARTTLS::

            SMTPServerFactory(backend, tls=Certificate("fullchain.pem", "privkey.pem"))
    """

    creator: IOpenSSLServerConnectionCreator

    @checked
    def __init__(
        self,
        certificate: str | PathLike[str],
        key: str | PathLike[str] | None = None,
        client_ca: str | PathLike[str] | None = None,
    ) -> None:
        self._certificate = certificate
        self._key = key or certificate
        self._client_ca = client_ca
        self.reload()

    def reload(self) -> None:
        """
        Read the files again.

        Raises:
            ValueError: A file does not hold what it should.  The certificate of before stays in force.
            OSError: A file cannot be read.  The certificate of before stays in force.
        """
        self._use(_options(self._certificate, self._key, self._client_ca))

    def _use(self, options: CertificateOptions) -> None:
        assert options.certificate is not None
        leaf = options.certificate.to_cryptography()
        self.names: tuple[str, ...] = _dns_names(leaf)
        self.expires: datetime = leaf.not_valid_after_utc
        self.creator = ConnectionCreator(options)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Create a connection of OpenSSL with the certificate that was read last.

        Args:
            protocol: The TLS protocol.

        Returns:
            The connection (`IOpenSSLServerConnectionCreator`).
        """
        connection: SSL.Connection = self.creator.serverConnectionForTLS(protocol)
        return connection


class UnusableAuthorities(ValueError):
    """The file of authorities for the certificates of clients holds no certificate."""


def _dns_names(leaf: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names; of old certificates without a subjectAltName the common name (RFC 9525 §2)."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = [str(each.value) for each in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    except ValueError:  # a field is malformed, and the authority has signed it all the same
        names = []
    return tuple(asciitext.lower(name) for name in names)


def _certificates(path: str | PathLike[str]) -> list[crypto.X509]:
    with open(path, "rb") as file:
        blocks = file.read().split(b"-----BEGIN CERTIFICATE")[1:]
    if not blocks:
        raise ValueError(f"no certificate in {path}; write it there as PEM, before its key")
    return [crypto.load_certificate(crypto.FILETYPE_PEM, b"-----BEGIN CERTIFICATE" + block) for block in blocks]


def authorities_in(client_ca: str | PathLike[str] | None) -> list[crypto.X509] | None:
    """
    Read the authorities for the certificates of clients.

    Args:
        client_ca: The path of a PEM file; None if clients are not asked for a certificate.

    Returns:
        The authorities; None for None.

    Raises:
        OSError: The file cannot be read.
        UnusableAuthorities: It holds no certificates.
    """
    if client_ca is None:
        return None
    try:
        return _certificates(client_ca)
    except (crypto.Error, ValueError) as error:
        text = f"no usable certificate in {client_ca}; write those of the authorities into it, as PEM"
        raise UnusableAuthorities(text) from error


def _options(
    certificate: str | PathLike[str], key: str | PathLike[str], client_ca: str | PathLike[str] | None
) -> CertificateOptions:
    with open(key, "rb") as file:
        key_pem = file.read()
    authorities = authorities_in(client_ca)
    try:
        chain = _certificates(certificate)
    except crypto.Error as error:
        raise ValueError(f"a certificate in {certificate} is damaged; write it again") from error
    try:
        return options_of(chain, _private_key(key_pem, key), authorities, client_ca)
    except (crypto.Error, SSL.Error) as error:
        if "mismatch" in str(error) or "do not match" in str(error):
            text = f"the key in {key} is not that of the first certificate in {certificate}; name the key of this one"
        else:
            text = f"{certificate} and {key} are no certificate with its key ({_reason(error)})"
        raise ValueError(text) from error


def _private_key(pem: bytes, path: str | PathLike[str]) -> crypto.PKey:
    """
    Parse a key.

    Returns:
        The key.

    Raises:
        ValueError: There is none, or it has a passphrase.
    """
    if b"PRIVATE KEY-----" not in pem:
        raise ValueError(f"no private key in {path}; name the file that has the key")
    try:
        return crypto.load_privatekey(crypto.FILETYPE_PEM, pem, b"")  # without a passphrase OpenSSL would ask for one
    except (crypto.Error, TypeError, ValueError) as error:
        why = "has a passphrase; remove it" if b"ENCRYPTED" in pem else "is damaged; write it again"
        raise ValueError(f"the private key in {path} {why}") from error


def _reason(error: Exception) -> str:
    """Return the last reason of OpenSSL, in its words."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return str(reasons[-1][-1]) if reasons else str(error)


def options_of(
    chain: list[crypto.X509],
    key: crypto.PKey,
    authorities: list[crypto.X509] | None,
    client_ca: str | PathLike[str] | None,
) -> CertificateOptions:
    """
    Create the context of a server.

    Args:
        chain: The certificate, then its chain.
        key: The key of the certificate.
        authorities: The authorities for the certificates of clients; None if clients are not asked for one.
        client_ca: The file of the authorities.

    Returns:
        The context.

    Raises:
        Error: Of OpenSSL, if the key is not that of the certificate.
    """
    options = CertificateOptions(
        privateKey=key,
        certificate=chain[0],
        extraCertChain=chain[1:],
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=CIPHERS,
        verify=authorities is not None,
        requireCertificate=authorities is None,
        caCerts=authorities,
    )
    options.getContext().check_privatekey()
    if client_ca is not None:
        options.getContext().load_client_ca(os.fsencode(client_ca))  # so that clients know which certificate fits
    return options


@implementer(IOpenSSLServerConnectionCreator)
class ConnectionCreator:
    """
    Creates the connections of OpenSSL from one context.

    Attributes:
        context: The context.

    Args:
        options: A context factory, such as ``CertificateOptions``.  Its context answers ALPN from now on.
        protocols: ALPN names (`answer_alpn`).
    """

    def __init__(self, options: IOpenSSLContextFactory, protocols: Sequence[bytes] = ()) -> None:
        self.context: SSL.Context = options.getContext()
        with contextlib.suppress(ValueError):  # the context has connections already: pyOpenSSL does not change it
            answer_alpn(self.context, protocols)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Create a connection of OpenSSL.

        Args:
            protocol: The TLS protocol.

        Returns:
            The connection (`IOpenSSLServerConnectionCreator`).
        """
        return SSL.Connection(self.context, None)


class _External(Certificate):
    """A connection creator of the user, who reads its certificate again where that is needed."""

    def __init__(self, creator: IOpenSSLServerConnectionCreator) -> None:
        self.creator = creator

    def reload(self) -> None:
        """Do nothing: the package has not read a file."""


def as_certificate(tls: object, argument: str = "tls") -> Certificate | None:
    """
    Convert the value that a user gave for TLS.

    Args:
        tls: None, a `Certificate`, an ``IOpenSSLServerConnectionCreator``, or a context factory such as
            ``CertificateOptions``.
        argument: The name of the argument, for the error.

    Returns:
        The certificate; None for None.

    Raises:
        TypeError: The value is something else.
    """
    if tls is None or isinstance(tls, Certificate):
        return tls
    if hasattr(tls, "getContext"):
        return _External(ConnectionCreator(cast(IOpenSSLContextFactory, tls)))
    if IOpenSSLServerConnectionCreator.providedBy(tls):
        return _External(tls)
    path = f"{tls!r}" if isinstance(tls, str) and os.path.splitext(tls)[1] else "'cert.pem', 'key.pem'"
    found = repr(tls) if isinstance(tls, str | bool) else f"{type(tls).__module__}.{type(tls).__name__}"
    wanted = f"a Certificate, such as Certificate({path}), or a context of Twisted"
    raise TypeError(f"{argument} must be {wanted}, not {found}")
