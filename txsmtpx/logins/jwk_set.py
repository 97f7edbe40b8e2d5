"""
A set of public keys (RFC 7517), by which the signatures of tokens are checked.  It needs the extra ``txsmtpx[oauth]``.

Keys that this host cannot use are ignored, as RFC 7517 §5 has it, and so are those that are no public keys: a secret in
such a file would accept whatever is signed with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

MAX_KEYS = 100
"""Keys of a set.  An issuer has two or three, and a large one ten."""

LEAST_RSA_OCTETS = 256
"""Octets of the modulus of an RSA key: 2048 bits (RFC 7518 §3.3)."""

PublicKey = RSAKey | ECKey | OKPKey

_KINDS = ("RSA", "EC", "OKP")


def read_keys(octets: bytes) -> Sequence[PublicKey]:
    """
    Read a set of keys.

    Args:
        octets: The set, in JSON.

    Returns:
        The keys that can check signatures.

    Raises:
        ValueError: It is no set of keys, or none of them can be used.

    Example:
        >>> read_keys(b"[]")
        Traceback (most recent call last):
        ValueError: this is no set of keys (RFC 7517)
    """
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise ValueError("this is no set of keys (RFC 7517)")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"a set of keys has at most {MAX_KEYS}, and this one {len(keys)}")
    usable = [key for key in map(_read, keys) if key is not None]
    if not usable:
        raise ValueError("the set has no public key for signatures")
    return usable


def _read(key: object) -> PublicKey | None:
    if not isinstance(key, dict) or key.get("kty") not in _KINDS or key.get("use") not in (None, "sig"):
        return None
    if key["kty"] == "RSA" and len(str(key.get("n"))) * 6 // 8 < LEAST_RSA_OCTETS:
        return None
    try:
        return cast(PublicKey, JWKRegistry.import_key(key))
    except (JoseError, ValueError, TypeError, KeyError):
        return None
