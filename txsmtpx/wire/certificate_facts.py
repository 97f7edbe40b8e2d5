"""The names and fingerprints of a client's certificate, for programs that decide by them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from OpenSSL import crypto


@dataclass(frozen=True)
class CertificateFacts:
    """
    What a certificate states.

    Attributes:
        subject: The common name of its subject; ``""`` without one.
        issuer: The common name of its issuer; ``""`` without one.
        fingerprint: The SHA-256 hash of the certificate, as bytes.
        key_fingerprint: The SHA-256 hash of its public key, as bytes.
    """

    subject: str
    issuer: str
    fingerprint: bytes
    key_fingerprint: bytes


def certificate_facts(certificate: object) -> CertificateFacts | None:
    """
    Return the facts of a certificate.

    Args:
        certificate: ``peer_certificate`` of `txsmtpx.interfaces.TLS`.

    Returns:
        The facts; None without a certificate, or if a field of it is malformed.
    """
    if not isinstance(certificate, crypto.X509):
        return None
    try:
        found = certificate.to_cryptography()
        key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        names = _common_name(found.subject), _common_name(found.issuer)
    except ValueError:
        return None
    return CertificateFacts(*names, found.fingerprint(SHA256()), hashlib.sha256(key).digest())


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
