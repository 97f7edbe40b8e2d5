"""An issuer of access tokens: its keys, its tokens, and the web server at which it answers, in memory."""

from __future__ import annotations

import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.filters.daemon import Pipe
from tests.wire.web_server import WebServer

ISSUER = "https://login.example.org"
AUDIENCE = "mail"
NOW = 1_000_000_000.0

KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "two"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})


def jwks(*keys: Any) -> bytes:
    """The set of public keys."""
    return json.dumps({"keys": [each.as_dict(private=False) for each in keys or (KEY,)]}).encode()


def claims(**other: Any) -> dict[str, Any]:
    """What a good token says; None leaves a claim out."""
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW - 10, "exp": NOW + 600, **other}
    return {name: value for name, value in found.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "ES256", header: dict[str, Any] | None = None, **other: Any) -> str:
    """A signed token."""
    named = {"alg": algorithm, **({"kid": key.kid} if key.kid else {}), **(header or {})}
    return jwt.encode({k: v for k, v in named.items() if v is not None}, claims(**other), key, algorithms=[algorithm])


class Issuer(WebServer):
    """Answers by hand."""

    @property
    def pipe(self) -> Pipe:
        """The newest connection."""
        return self.pipes[-1]

    def answer(self, body: bytes, status: str = "200 OK") -> bytes:
        """Answer the request that has come, and return it."""
        asked = self.pipe.asked
        assert asked
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.pipe.say(head.encode() + body)
        return asked
