"""
Keys that sign assertions (RFC 7523), instead of a client secret or a refresh token.

The service accounts of Google and the certificates of Microsoft Entra use them.  The package joserfc signs.
"""

from __future__ import annotations

import base64
import os
import secrets
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from txsmtpx.arguments import checked_except

if TYPE_CHECKING:
    from joserfc.jwk import Key

LIFETIME = 600
"""
Seconds for which an assertion is valid.  It begins half of them before the present time, so the clocks of the issuer
and of this machine may differ by as much.  Google accepts up to 3,600, and Microsoft recommends 5 to 10 minutes.
"""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class AssertionKey:
    """
    A private key that signs assertions.  The representation shows no part of it.

    Args:
        key: The key in PEM, or the path of a file with it.  It is RSA of 2048 bits or more, or EC on P-256, P-384 or
            P-521.
        key_id: The identifier of the key at the issuer; "" for none.  Google calls it ``private_key_id``.
        certificate: The path of a PEM file with the certificate of the key.  Its SHA-256 thumbprint is sent, by which
            Microsoft Entra finds the key.  None for none.

    Raises:
        ImportError: joserfc is not installed.
        OSError: A file cannot be read.
        ValueError: There is no such key in it, the key is encrypted, or the certificate is that of another key.

    Example:
        ::

            key = AssertionKey("key.pem", certificate="certificate.pem")
    """

    @checked_except("key")
    def __init__(
        self, key: str | os.PathLike[str], *, key_id: str = "", certificate: str | os.PathLike[str] | None = None
    ) -> None:
        if find_spec("joserfc") is None:
            raise ImportError("joserfc is not installed: pip install 'txsmtpx[oauth]'")
        if not isinstance(key, str | os.PathLike):
            raise TypeError(f"AssertionKey: key must be PEM or the path of a file, not {type(key).__name__}")
        if key == "":
            raise ValueError("key must be PEM or the path of a file, not an empty text")
        pem = key.encode() if isinstance(key, str) and "-----BEGIN " in key else Path(key).read_bytes()
        try:
            private = load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:  # its text may quote a part of the key
            encrypted = "it is encrypted" if isinstance(error, TypeError) else "it is no private key in PEM"
            raise ValueError(f"the key cannot be used: {encrypted}") from None
        algorithm = _algorithm(private)
        if certificate is not None and algorithm == "RS256":
            algorithm = "PS256"  # as Microsoft Entra asks for it
        self._key = _imported(pem, algorithm)
        self._header = {"typ": "JWT", "alg": algorithm} | ({"kid": key_id} if key_id else {})
        if certificate is not None:
            found = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
            if found.public_key() != private.public_key():
                raise ValueError(f"the certificate {os.fspath(certificate)} is that of another key")
            thumbprint = base64.urlsafe_b64encode(found.fingerprint(SHA256())).rstrip(b"=").decode("ascii")
            self._header["x5t#S256"] = thumbprint

    def signed(self, issuer: str, subject: str, audience: str, now: float, scope: str = "") -> str:
        """
        Return a signed assertion (RFC 7523 §3).

        Args:
            issuer: The identifier of the client.
            subject: The client again, or the user that it acts for.
            audience: The URL of the token endpoint.
            now: The time of the issuer, in seconds since 1970.
            scope: The scope, which Google reads in the assertion; "" for none.

        Returns:
            The assertion, a JWT.
        """
        from joserfc import jwt

        begin = int(now) - LIFETIME // 2
        claims: dict[str, object] = {
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "iat": begin,
            "nbf": begin,
            "exp": begin + LIFETIME,
            "jti": secrets.token_urlsafe(16),
        }
        if scope:
            claims["scope"] = scope
        return jwt.encode(dict(self._header), claims, self._key, algorithms=[self._header["alg"]])

    def __repr__(self) -> str:
        return f"<AssertionKey {self._header['alg']}>"


def _algorithm(key: object) -> str:
    """
    Return the algorithm of a key.

    Returns:
        Its name (RFC 7518 §3.1).

    Raises:
        ValueError: It is neither RSA of 2048 bits or more, nor EC on a curve of NIST.
    """
    if isinstance(key, RSAPrivateKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise ValueError("the key cannot be used: it is neither RSA of 2048 bits or more, nor EC on P-256, P-384 or P-521")


def _imported(pem: bytes, algorithm: str) -> Key:
    from joserfc.jwk import ECKey, RSAKey

    return (ECKey if algorithm.startswith("ES") else RSAKey).import_key(pem)
