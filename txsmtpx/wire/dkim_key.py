"""Keys that sign mail (DKIM, RFC 6376): `DKIMKey`, and a directory of them, `DKIMKeys`."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from txsmtpx.arguments import checked
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label

LEAST_BITS = 1024
"""Bits of an RSA key: a verifier takes a signature with fewer for none (RFC 8301 §3.2)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch
_FILE = re.compile(r"(.+)\._domainkey\.(.+)\.pem").fullmatch


class DKIMKey:
    """
    A private key that signs the mail of a domain.  The representation shows no part of it.

    Args:
        selector: The selector: labels of a domain name (RFC 6376 §3.1).
        domain: The domain.
        pem: The key in PEM, not encrypted: RSA with 1024 bits or more, or Ed25519 (RFC 8463).

    Attributes:
        selector: As in the arguments.
        domain: As in the arguments, as A-labels in lower case.
        algorithm: "rsa-sha256" or "ed25519-sha256".

    Raises:
        ValueError: A value cannot be used.

    Example:
        >>> key = DKIMKey.generated("2030a", "example.org", "ed25519")
        >>> key.algorithm, key.record_name
        ('ed25519-sha256', '2030a._domainkey.example.org')
    """

    @checked
    def __init__(self, selector: str, domain: str, pem: bytes) -> None:
        if not _SELECTOR(selector):
            raise ValueError(f"the selector must be labels of a domain name, not {selector!r}")
        self.selector = selector
        self.domain: str = asciitext.lower(to_a_label(domain))
        if not _SELECTOR(self.domain):
            raise ValueError(f"the domain of a key must be a domain, not {domain!r}")
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:  # whose text may quote a part of the key
            encrypted = "it is encrypted" if isinstance(error, TypeError) else "it is no private key in PEM"
            raise ValueError(f"the key cannot be used: {encrypted}") from None
        if isinstance(key, RSAPrivateKey):
            if key.key_size < LEAST_BITS:
                raise ValueError(f"the key cannot be used: it has {key.key_size} bits, and needs {LEAST_BITS}")
            self.algorithm: str = "rsa-sha256"
        elif isinstance(key, Ed25519PrivateKey):
            self.algorithm = "ed25519-sha256"
        else:
            raise ValueError("the key cannot be used: it is neither RSA nor Ed25519")
        self._key: RSAPrivateKey | Ed25519PrivateKey = key

    @classmethod
    def generated(cls, selector: str, domain: str, kind: str = "rsa") -> DKIMKey:
        """
        Generate a key.

        Args:
            selector: The selector.
            domain: The domain.
            kind: "rsa", with 2048 bits, or "ed25519".

        Returns:
            The key.

        Raises:
            ValueError: A value cannot be used.
        """
        from cryptography.hazmat.primitives.asymmetric import rsa

        if kind not in ("rsa", "ed25519"):
            raise ValueError(f"the kind of a key is rsa or ed25519, not {kind!r}")
        key = rsa.generate_private_key(65_537, 2048) if kind == "rsa" else Ed25519PrivateKey.generate()
        return cls(selector, domain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def __repr__(self) -> str:
        return f"<DKIMKey {self.record_name} {self.algorithm}>"

    @property
    def record_name(self) -> str:
        """The name of the TXT record with the public key (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of that record."""
        public = self._key.public_key()
        if isinstance(self._key, Ed25519PrivateKey):  # RFC 8463 §4: the key alone
            kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode('ascii')}"

    @property
    def pem(self) -> bytes:
        """The private key in PEM (PKCS #8)."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def private(self) -> RSAPrivateKey | Ed25519PrivateKey:
        """The private key."""
        return self._key


class DKIMKeys:
    """
    The keys in a directory.  Each has a file, whose name is ``SELECTOR._domainkey.DOMAIN.pem``.

    Args:
        path: The directory.

    Attributes:
        path: As in the arguments.

    Raises:
        OSError: The directory or a file cannot be read.
        ValueError: There is no directory or no key in it, or one cannot be used; the text names the file.

    Example:
        ::

            await send_mail(endpoint, sender, recipients, body, dkim=DKIMSigner(DKIMKeys("/etc/dkim")))
    """

    @checked
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.fspath(path)
        self._keys: Sequence[DKIMKey] = ()
        self.reload()

    def reload(self) -> None:
        """
        Read the keys again.  If that fails, the keys of before stay.

        Raises:
            OSError: The directory or a file cannot be read.
            ValueError: There is no key in it, or one cannot be used.
        """
        if not Path(self.path).is_dir():
            raise ValueError(f"there is no directory {self.path}; write the one that has the keys")
        found = [_read(file) for file in sorted(Path(self.path).iterdir()) if file.suffix == ".pem"]
        if not found:
            raise ValueError(f"{self.path} has no key, such as 2030a._domainkey.example.org.pem")
        self._keys = found

    def of(self, domain: str) -> Sequence[DKIMKey]:
        """
        Return the keys for the mail of a domain: its own, or those of the nearest domain above it.

        Args:
            domain: The domain of the author of a message, in any case.

        Returns:
            The keys; none if the mail of this domain is not signed.
        """
        return keys_of(self._keys, domain)


def keys_of(keys: Sequence[DKIMKey], domain: str) -> Sequence[DKIMKey]:
    """
    Select the keys for the mail of a domain: its own, or those of the nearest domain above it.

    Args:
        keys: The keys of any domains.
        domain: The domain of the author of a message, in any case.

    Returns:
        The keys; none if the mail of this domain is not signed.

    Example:
        >>> key = DKIMKey.generated("2030a", "example.org", "ed25519")
        >>> keys_of([key], "Lists.Example.ORG") == [key], keys_of([key], "example.net")
        (True, ())
    """
    try:
        name = asciitext.lower(to_a_label(domain))
    except ValueError:
        return ()
    while name:
        found = [each for each in keys if each.domain == name]
        if found:
            return found
        name = name.partition(".")[2]
    return ()


def _read(file: Path) -> DKIMKey:
    named = _FILE(file.name)
    if named is None:
        raise ValueError(f"{file}: the name of a key is SELECTOR._domainkey.DOMAIN.pem")
    if file.stat().st_mode & 0o007:
        raise ValueError(f"{file}: other users can read the key; run chmod 600")
    try:
        return DKIMKey(named[1], named[2], file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
