"""The verifier of SCRAM (RFC 5802 §3): what a server stores of a password, and what it uses for an unknown user."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from txsmtpx.sasl.mechanism import prepared

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""The hash of each mechanism, without -PLUS, by its name in `hashlib`."""

ITERATIONS = 10_000
"""Iterations of a new password; see `MOST_ITERATIONS` for what others use."""

LEAST_ITERATIONS = 4096
"""With fewer it is easy to guess a password from a verifier or from an exchange (RFC 7677 §4)."""

MOST_ITERATIONS = 1_000_000
"""
More would keep a client busy for long: a million take 0.8 seconds with SHA-512.  OWASP advises 600,000 for SHA-256;
Dovecot writes 4,096 by default.
"""

SALT_OCTETS = 16


class ScramVerifier(NamedTuple):
    """
    What a server stores of a password.  It suffices to check a proof, not to make one.

    Attributes:
        salt: The salt, 12 octets or more.
        stored_key: The hash of the client's key.
        server_key: The key of the server's signature.
        iterations: The iterations, 4,096 or more.
    """

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int

    def __repr__(self) -> str:
        return f"<ScramVerifier of {self.iterations} iterations>"


def salted_password(mechanism: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """
    Compute SaltedPassword (RFC 5802 §3).  This is the computation that takes long.

    Args:
        mechanism: One of `HASHES`.
        password: The password in UTF-8.
        salt: The salt.
        iterations: The iterations.

    Returns:
        The octets.

    Raises:
        ValueError: SASLprep prohibits the password.
    """
    return hashlib.pbkdf2_hmac(HASHES[mechanism], prepared(password), salt, iterations)


def client_key(mechanism: str, salted: bytes) -> bytes:
    """
    Compute ClientKey (RFC 5802 §3), which only the client has.

    Args:
        mechanism: One of `HASHES`.
        salted: The `salted_password`.

    Returns:
        The octets.
    """
    return hmac.digest(salted, b"Client Key", HASHES[mechanism])


def verifier_of(mechanism: str, salted: bytes, salt: bytes, iterations: int) -> ScramVerifier:
    """
    Return the verifier of a `salted_password`.

    Args:
        mechanism: One of `HASHES`.
        salted: The `salted_password`.
        salt: The salt.
        iterations: The iterations.

    Returns:
        The verifier.
    """
    algorithm = HASHES[mechanism]
    stored_key = hashlib.new(algorithm, client_key(mechanism, salted)).digest()
    return ScramVerifier(salt, stored_key, hmac.digest(salted, b"Server Key", algorithm), iterations)


def verifier_for(mechanism: str, password: bytes, salt: bytes, iterations: int = ITERATIONS) -> ScramVerifier:
    """
    Return the verifier of a password.  It takes as long as `salted_password`.

    Args:
        mechanism: One of `HASHES`.
        password: The password in UTF-8.
        salt: The salt.
        iterations: The iterations; default `ITERATIONS`.

    Returns:
        The verifier.

    Raises:
        ValueError: SASLprep prohibits the password.
    """
    return verifier_of(mechanism, salted_password(mechanism, password, salt, iterations), salt, iterations)


def made_up(
    secret: bytes, username: str, mechanism: str, iterations: int = ITERATIONS, salt_octets: int = SALT_OCTETS
) -> ScramVerifier:
    """
    Return the verifier for an unknown user.  It is always the same, and no password fits it.

    Args:
        secret: A secret of the server.  Without it, the salt cannot be distinguished from a real one.
        username: The name of the user.
        mechanism: One of `HASHES`.
        iterations: The iterations; default `ITERATIONS`.
        salt_octets: The length of the salt; default `SALT_OCTETS`.

    Returns:
        The verifier.
    """
    algorithm = HASHES[mechanism]

    def octets(what: str) -> bytes:
        return hmac.digest(secret, f"{what} {mechanism} {username}".encode(), algorithm)

    return ScramVerifier(octets("salt")[:salt_octets], octets("stored"), octets("server"), iterations)
