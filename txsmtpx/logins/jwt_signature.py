"""
The signature of a token in the form of JWT (RFC 7519), by joserfc.  It needs the extra ``txsmtpx[oauth]``.

Only algorithms with public keys are accepted (RFC 8725 §3.1).  With HMAC, a server that checks tokens could also make
them, and a public key could be used as the secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import (  # type: ignore[attr-defined]  # the type of what is overridden is not exported
    JWSAlgModel,
    JWSRegistry,
)

from txsmtpx.grammar import asciitext
from txsmtpx.logins.jwk_set import PublicKey
from txsmtpx.logins.token_rules import TokenRefused

ALGORITHMS = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
})  # fmt: skip
"""The algorithms of a signature."""

TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""
The types of a token, in lower case (RFC 9068 §2.1).  Issuers sign other things with the same keys, such as logouts and
proofs of possession.
"""

MAX_TRIED = 10
"""Keys that are tried for a token that names none."""


class KeyUnknown(TokenRefused):
    """No key of the set is that of the token.  The set may have changed."""


class _Registry(JWSRegistry):
    """The algorithms that are accepted.  joserfc warns of EdDSA by its old name, which most issuers use."""

    max_header_length = 4096

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS or name not in self.algorithms:
            raise UnsupportedAlgorithmError("not accepted")
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


def signed_claims(token: str, keys: Sequence[PublicKey]) -> Mapping[str, object]:
    """
    Check the signature of a token.

    Args:
        token: The token, in its compact form.
        keys: The keys of the issuer.

    Returns:
        What the token says.

    Raises:
        TokenRefused: It is no such token, or the signature is wrong.
        KeyUnknown: Another key has signed it.
    """
    try:
        signature = jws.extract_compact(token.encode("utf-8"), registry=_REGISTRY)
        header = signature.headers()
        algorithm = _REGISTRY.get_alg(header["alg"])
        kind = header.get("typ")
        if kind is not None and asciitext.lower(str(kind)) not in TYPES:
            raise TokenRefused("it is of another type than an access token")
        named = header.get("kid") is not None
        candidates = [*_candidates(keys, header, algorithm)]
        if not candidates or not any(_signed(signature, each) for each in candidates):
            raise TokenRefused("its signature is wrong") if candidates and named else KeyUnknown("its key is unknown")
        claims = json.loads(signature.payload)
    except UnsupportedAlgorithmError:
        raise TokenRefused("its algorithm is not accepted") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise TokenRefused("it is no token in the form of JWT") from None
    if not isinstance(claims, dict):
        raise TokenRefused("it is no token in the form of JWT")
    return claims


def _candidates(keys: Sequence[PublicKey], header: Mapping[str, object], algorithm: JWSAlgModel) -> Iterator[PublicKey]:
    tried = 0
    for key in keys:
        suits = key.key_type == algorithm.key_type and key.alg in (None, algorithm.name)
        if suits and header.get("kid") in (None, key.kid) and tried < MAX_TRIED:
            tried += 1
            yield key


def _signed(signature: jws.CompactSignature, key: PublicKey) -> bool:
    try:
        return jws.validate_compact(signature, key, registry=_REGISTRY)
    except (JoseError, ValueError):  # such as a key on another curve
        return False
