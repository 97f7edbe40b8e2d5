"""The certificate that every server here shows."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """
    PEM files, which any user may read.

    Attributes:
        certificate: It is its own authority, so clients are told to trust this file.
        both: Certificate and key in one file, as some programs want it.
    """

    certificate: Path
    key: Path
    both: Path


_HERE = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")))


def make_certificate(
    directory: Path, hosts: Sequence[x509.GeneralName] = _HERE, days: float = 1
) -> Certificate:
    """
    A certificate for localhost and 127.0.0.1, or for ``hosts``.

    Args:
        days: For how long it is good; it has been for two already.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    shown = _signed_by_itself(key, hosts, days).public_bytes(pem)
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = Certificate(directory / "certificate.pem", directory / "key.pem", directory / "both.pem")
    files.certificate.write_bytes(shown)
    files.key.write_bytes(secret)
    files.both.write_bytes(shown + secret)
    return files


def _signed_by_itself(
    key: ec.EllipticCurvePrivateKey, hosts: Sequence[x509.GeneralName], days: float
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * day)
        .not_valid_after(now + days * day)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
