"""A certificate authority for the tests: certificates as they should be, and as they should not."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.ssl import PrivateCertificate

from txsmtpx import Certificate


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


class Authority:
    """
    Signs.

    Attributes:
        path: Its own certificate, a PEM file.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.path = directory / f"{name}.pem"
        extensions = [x509.BasicConstraints(ca=True, path_length=None)]
        self.path.write_bytes(self._sign(self._name, self._key, (-1, 1), extensions).public_bytes(Encoding.PEM))

    def issue(self, *names: str, days: tuple[int, int] = (-1, 1), signed_by_itself: bool = False) -> Path:
        """
        A PEM file of a certificate and its key.

        Args:
            names: Host names and IP addresses.
            days: From when, till when.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(names[0] if names else "nobody")
        extensions: list[Any] = [x509.SubjectAlternativeName(list(map(_general, names)))] if names else []
        signer, issuer = (key, subject) if signed_by_itself else (self._key, self._name)
        certificate = self._sign(subject, key, days, extensions, issuer, signer)
        path = self._directory / f"{x509.random_serial_number()}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        return path

    def server(self, *names: str, **how: Any) -> Any:
        """For ``startTLS``."""
        return Certificate(str(self.issue(*names, **how))).creator

    def client(self, name: str) -> PrivateCertificate:
        """A certificate to show."""
        return PrivateCertificate.loadPEM(self.issue(name).read_bytes())

    def _sign(
        self,
        subject: x509.Name,
        key: Any,
        days: tuple[int, int],
        extensions: Any,
        issuer: x509.Name | None = None,
        signer: Any = None,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer or self._key, SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
