"""
OAUTHBEARER: RFC 7628; XOAUTH2: what came before it, and is still what most servers take.
"""

from __future__ import annotations

from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient


@implementer(ISASLClient)
class OAuthBearer:
    """The client half."""

    name = "OAUTHBEARER"

    def __init__(self, username: str, token: str, host: str = "", port: int = 0) -> None:
        """
        @param token: the access token.
        @param host: the server's name, where the token is bound to it (§3.1).
        @param port: likewise.
        """
        self._username = username
        self._token = token
        self._host = host
        self._port = port

    def start(self) -> bytes:
        """§3.1."""
        name = self._username.replace("=", "=3D").replace(",", "=2C")
        fields = [f"host={self._host}"] * bool(self._host) + [f"port={self._port}"] * bool(self._port)
        return "\x01".join([f"n,a={name},", *fields, f"auth=Bearer {self._token}", "", ""]).encode()

    def next(self, challenge: bytes) -> bytes:
        """§3.2.3: the challenge is an error, which is acknowledged; the refusal follows."""
        return b"\x01"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._username!r}>"


@implementer(ISASLClient)
class XOAuth2(OAuthBearer):
    """The client half."""

    name = "XOAUTH2"

    def start(self) -> bytes:
        """user, token."""
        return f"user={self._username}\x01auth=Bearer {self._token}\x01\x01".encode()

    def next(self, challenge: bytes) -> bytes:
        """The challenge is an error, which is acknowledged by nothing."""
        return b""
