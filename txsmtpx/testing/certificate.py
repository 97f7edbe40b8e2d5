"""Self-signed certificates for localhost: each is its own trust root."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from txsmtpx.wire.self_signed import signed_by_itself
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
    shown = signed_by_itself(key, name, names or ("localhost", "127.0.0.1"), days).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = Pem(directory / f"{name}.crt", directory / f"{name}.key", directory / f"{name}.pem")
    pem.certificate.write_bytes(shown)
    pem.key.write_bytes(secret)
    pem.both.write_bytes(shown + secret)
    return pem


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
