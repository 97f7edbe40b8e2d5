"""A client certificate, signed by an authority of its own, which is no other's."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.ssl import PrivateCertificate


@dataclass(frozen=True)
class ClientPem:
    authority: Path
    certificate: Path
    key: Path

    def private(self) -> PrivateCertificate:
        return PrivateCertificate.loadPEM(self.certificate.read_bytes() + self.key.read_bytes())


def _signed(name, key, issuer, issuer_key, extension, critical):
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    return builder.add_extension(extension, critical).sign(issuer_key, SHA256()).public_bytes(Encoding.PEM)


def issue_client(directory: Path, common: str, email: str) -> ClientPem:
    """A certificate of ``common`` with ``email`` in it."""
    directory.mkdir()
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"authority of {common}")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    pem = ClientPem(directory / "authority.pem", directory / "client.pem", directory / "client.key")
    basic = x509.BasicConstraints(ca=True, path_length=0)
    pem.authority.write_bytes(_signed(root, root_key, root, root_key, basic, True))
    names = x509.SubjectAlternativeName([x509.RFC822Name(email)])
    pem.certificate.write_bytes(_signed(name, key, root, root_key, names, False))
    pem.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pem
