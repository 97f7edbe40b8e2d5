"""Self-signed certificates for localhost: each is its own trust root."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.wire.tls_policy import CIPHERS


@dataclass(frozen=True)
class Pem:
    """
    A certificate and its key, in PEM files.  `issue` creates them.

    Attributes:
        certificate: The file of the certificate, which clients trust.
        key: The file of the key.
        both: The file of both.
    """

    certificate: Path
    key: Path
    both: Path

    def client_options(self) -> IOpenSSLClientConnectionCreator:
        """
        Return the options for clients of Twisted: they trust this certificate only, and verify the name.

        Returns:
            The options.
        """
        trusted = Certificate.loadPEM(self.certificate.read_bytes())
        return optionsForClientTLS("localhost", trusted, extraCertificateOptions={"acceptableCiphers": CIPHERS})

    def client_context(self) -> ssl.SSLContext:
        """
        Return the options for ``smtplib`` and other users of the module ``ssl``.

        Returns:
            The context.
        """
        return ssl.create_default_context(cafile=str(self.certificate))


def issue(directory: Path, name: str = "localhost", *names: str, days: int = 1) -> Pem:
    """
    Create a certificate for localhost and 127.0.0.1, or for other names.

    Args:
        directory: The directory for the files.
        name: The subject, and the name of the files.
        names: The DNS names; ``""`` for no name.  Without names: localhost and 127.0.0.1.
        days: The days for which it is valid, from now.

    Returns:
        The files.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    shown = _signed_by_itself(key, name, names, days).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = Pem(directory / f"{name}.crt", directory / f"{name}.key", directory / f"{name}.pem")
    pem.certificate.write_bytes(shown)
    pem.key.write_bytes(secret)
    pem.both.write_bytes(shown + secret)
    return pem


def _signed_by_itself(key: ec.EllipticCurvePrivateKey, name: str, names: Sequence[str], days: int) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    alternative: list[x509.GeneralName] = [x509.DNSName(each) for each in names if each]
    if not names:
        alternative = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + days * day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    return builder.sign(key, SHA256())


@implementer(IOpenSSLServerConnectionCreator)
class NoCertificate:
    """The TLS options of a server that offers STARTTLS and cannot start it, for tests that need no certificate."""

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Refuse to start TLS.

        Args:
            tlsProtocol: The protocol.

        Returns:
            Nothing.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError
