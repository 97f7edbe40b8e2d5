"""
What a server keeps of a password for SCRAM (RFC 5802 §3), and what it shows to a stranger.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from txsmtpx.sasl.mechanism import prepared

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""Mechanisms, without -PLUS, to names of `hashlib`."""

ITERATIONS = 10_000
"""Of a new password."""

LEAST_ITERATIONS = 4096
"""Fewer make it easy to guess a password from what a server keeps or a client says (RFC 7677 §4)."""

MOST_ITERATIONS = 1_000_000
"""
More keep a client busy for long: a million take 0.8 seconds with SHA-512.  OWASP advises 600,000 for what is kept with
SHA-256; Dovecot writes 4,096 by default.
"""

SALT_OCTETS = 16


class ScramVerifier(NamedTuple):
    """
    It is enough to check a proof, not to make one.

    Attributes:
        salt: 12 octets or more.
        iterations: 4,096 or more.
    """

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int

    def __repr__(self) -> str:
        return f"<ScramVerifier of {self.iterations} iterations>"


def salted_password(mechanism: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """
    RFC 5802 §3; this is what costs.

    Args:
        mechanism: One of `HASHES`.
        password: In UTF-8.

    Raises:
        ValueError: No password can be like that.
    """
    return hashlib.pbkdf2_hmac(HASHES[mechanism], prepared(password), salt, iterations)


def client_key(mechanism: str, salted: bytes) -> bytes:
    """What only somebody with the password has (RFC 5802 §3)."""
    return hmac.digest(salted, b"Client Key", HASHES[mechanism])


def verifier_of(mechanism: str, salted: bytes, salt: bytes, iterations: int) -> ScramVerifier:
    """From a `salted_password`."""
    algorithm = HASHES[mechanism]
    stored_key = hashlib.new(algorithm, client_key(mechanism, salted)).digest()
    return ScramVerifier(salt, stored_key, hmac.digest(salted, b"Server Key", algorithm), iterations)


def verifier_for(mechanism: str, password: bytes, salt: bytes, iterations: int = ITERATIONS) -> ScramVerifier:
    """
    From a password; it costs as much as `salted_password`.

    Raises:
        ValueError: No password can be like that.
    """
    return verifier_of(mechanism, salted_password(mechanism, password, salt, iterations), salt, iterations)


def made_up(
    secret: bytes, username: str, mechanism: str, iterations: int = ITERATIONS, salt_octets: int = SALT_OCTETS
) -> ScramVerifier:
    """
    For a user that there is not: always the same one, and nobody has a password for it.

    Args:
        secret: Of the server; who does not know it cannot tell the salt from a real one.
    """
    algorithm = HASHES[mechanism]

    def octets(what: str) -> bytes:
        return hmac.digest(secret, f"{what} {mechanism} {username}".encode(), algorithm)

    return ScramVerifier(octets("salt")[:salt_octets], octets("stored"), octets("server"), iterations)
