"""Certificates for localhost, made in a moment: each signed by itself, so that it is its own trust root."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.ssl import Certificate, optionsForClientTLS


@dataclass(frozen=True)
class Pem:
    """A certificate and its key, in files of their own and both in one."""

    certificate: Path
    key: Path
    both: Path

    def client_options(self):
        """What a client needs that trusts this certificate alone, and verifies the name."""
        return optionsForClientTLS("localhost", Certificate.loadPEM(self.certificate.read_bytes()))


def issue(directory: Path, name: str = "localhost", *names: str, days: int = 1) -> Pem:
    """
    A certificate whose subject is C{name}.

    @param names: the DNS names it is for, where that is not localhost; "" for none at all.
    @param days: how long from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    alternative: list[x509.GeneralName] = [x509.DNSName(each) for each in names if each]
    if not names:
        alternative = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    certificate = builder.sign(key, SHA256())
    pem = Pem(directory / f"{name}.crt", directory / f"{name}.key", directory / f"{name}.pem")
    pem.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    pem.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.both.write_bytes(pem.certificate.read_bytes() + pem.key.read_bytes())
    return pem
