"""A certificate that the server signs itself, for development: it is made at the start and kept in memory."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from os import PathLike

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from OpenSSL import crypto

from txsmtpx.arguments import checked
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.wire.server_certificate import Certificate, authorities_in, options_of

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""The names of this host that each self-signed certificate has."""

DAYS = 365
"""Days for which a certificate is valid.  A restart makes a new one."""


class SelfSignedCertificate(Certificate):
    """
    A self-signed certificate and its key in memory, for ``SMTPServerFactory(tls=...)``.

    No client trusts it, unless it is told to.  So it is for development, and for tests.

    Attributes:
        fingerprint: The SHA-256 digest of the certificate, in hexadecimal with colons, as ``openssl x509`` shows it.
        addresses: The IP addresses of the certificate.

    Args:
        domain: A domain or an address literal that the certificate is for, besides `LOCAL_NAMES`; "" for none.
        client_ca: The authorities for the certificates of clients, as for `Certificate`.
        pem: A certificate and its key that another process has made (`to_pem`); None to make them.

    Raises:
        OSError: The file of authorities cannot be read.
        ValueError: It holds no certificates, or ``pem`` is no certificate with its key.
        TypeError: A value has the wrong type.

    Example:
        >>> certificate = SelfSignedCertificate("mx.example.org")
        >>> certificate.names, certificate.addresses
        (('localhost', 'mx.example.org'), ('127.0.0.1', '::1'))
    """

    @checked
    def __init__(
        self, domain: str = "", client_ca: str | PathLike[str] | None = None, pem: bytes | None = None
    ) -> None:
        self._client_ca = client_ca
        if pem is None:
            self._secret = ec.generate_private_key(ec.SECP256R1())
            self._leaf = signed_by_itself(self._secret, "localhost", (*LOCAL_NAMES, domain), DAYS)
        else:
            self._leaf = x509.load_pem_x509_certificate(pem)
            secret = load_pem_private_key(pem, None)
            assert isinstance(secret, ec.EllipticCurvePrivateKey)  # `to_pem` has written it
            self._secret = secret
        self.fingerprint: str = asciitext.upper(self._leaf.fingerprint(SHA256()).hex(":"))
        alternative = self._leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.addresses: tuple[str, ...] = tuple(map(str, alternative.get_values_for_type(x509.IPAddress)))
        self.reload()

    def reload(self) -> None:
        """
        Read the file of authorities again.  The certificate stays.

        Raises:
            OSError: The file cannot be read.  The authorities of before stay in force.
            ValueError: It holds no certificates.  The authorities of before stay in force.
        """
        chain, key = [crypto.X509.from_cryptography(self._leaf)], crypto.PKey.from_cryptography_key(self._secret)
        self._use(options_of(chain, key, authorities_in(self._client_ca), self._client_ca))

    def to_pem(self) -> bytes:
        """
        Return the certificate and its key, for another process of the same server.

        Returns:
            Both in PEM.
        """
        secret = self._secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._leaf.public_bytes(Encoding.PEM) + secret


def signed_by_itself(
    key: ec.EllipticCurvePrivateKey, subject: str, names: Iterable[str], days: int
) -> x509.Certificate:
    """
    Create a certificate that is signed with its own key.  It is its own authority, so a client can trust it alone.

    Args:
        key: The key.
        subject: The common name.
        names: The alternative names: domains, IP addresses and address literals.  Empty ones are left out.
        days: The days for which it is valid, from now.

    Returns:
        The certificate.

    Raises:
        ValueError: A name is neither a domain nor an address.
    """
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + days * day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    alternative = list(dict.fromkeys(_alternative(each) for each in names if each))
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    return builder.sign(key, SHA256())


def _alternative(name: str) -> x509.GeneralName:
    address = name.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(to_a_label(name))
