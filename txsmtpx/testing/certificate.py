"""
Certificates for localhost, made in a moment: each signed by itself, so that it is its own trust root.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.ssl import Certificate, optionsForClientTLS

from txsmtpx.wire.tls_policy import CIPHERS


@dataclass(frozen=True)
class Pem:
    """
    A certificate and its key, in files.

    Attributes:
        certificate: A PEM file; clients trust this one.
        key: A PEM file.
        both: Both in one.
    """

    certificate: Path
    key: Path
    both: Path

    def client_options(self) -> Any:
        """What a client of Twisted's needs that trusts this certificate alone, and verifies the name."""
        trusted = Certificate.loadPEM(self.certificate.read_bytes())
        return optionsForClientTLS("localhost", trusted, extraCertificateOptions={"acceptableCiphers": CIPHERS})

    def client_context(self) -> ssl.SSLContext:
        """The same for ``smtplib`` and whatever else takes an `ssl.SSLContext`."""
        return ssl.create_default_context(cafile=str(self.certificate))


def issue(directory: Path, name: str = "localhost", *names: str, days: int = 1) -> Pem:
    """
    A certificate for localhost and 127.0.0.1, or for ``names``, good since yesterday.

    Args:
        directory: Where its files go.
        name: Its subject, and what the files are called.
        names: The DNS names it is for, where that is not localhost; "" for none at all.
        days: How long from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    shown = _signed_by_itself(key, name, names, days).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = Pem(directory / f"{name}.crt", directory / f"{name}.key", directory / f"{name}.pem")
    pem.certificate.write_bytes(shown)
    pem.key.write_bytes(secret)
    pem.both.write_bytes(shown + secret)
    return pem


def _signed_by_itself(
    key: ec.EllipticCurvePrivateKey, name: str, names: Sequence[str], days: int
) -> x509.Certificate:
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
