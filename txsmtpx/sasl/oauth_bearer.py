"""
OAUTHBEARER: RFC 7628; XOAUTH2: what came before it, and is still what most servers take.
"""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism


class IBearerToken(ICredentials):
    """An access token (RFC 6750), for a checker that asks whoever issued it."""

    username: bytes = Attribute("Whose it is said to be; b\"\" where only the token tells: then the checker sets it.")
    token: str = Attribute("The token.")


@implementer(IBearerToken)
class BearerToken:
    """See `IBearerToken`; it is shown without its token."""

    def __init__(self, username: bytes, token: str) -> None:
        self.username = username
        self.token = token

    def __repr__(self) -> str:
        return f"<BearerToken {self.username!r}>"


_BEARER = re.compile(rb"bearer +([!-~]+)", re.IGNORECASE)


def _credentials(username: bytes, authorization: bytes) -> BearerToken:
    match = _BEARER.fullmatch(authorization.strip())
    if match is None:
        raise ValueError("no bearer token")
    username.decode("utf-8")
    return BearerToken(username, match[1].decode("ascii"))


@implementer(ISASLServer)
class OAuthBearerServer:
    """
    The server half.

    Attributes:
        refusal: The challenge that comes before a 535 (RFC 7628 §3.2.2).
    """

    refusal = json.dumps({"status": "invalid_token", "schemes": "bearer"}).encode("ascii")

    def __init__(self, connection: Any, backend: Any) -> None:
        pass

    def next(self, response: bytes | None) -> bytes | BearerToken:
        """
        RFC 7628 §3.1.

        Raises:
            ValueError: It is malformed.
        """
        if response is None:
            return b""
        match = re.fullmatch(rb"[ny],(?:a=([^,]*))?,\x01((?:[A-Za-z]+=[^\x01]*\x01)*)\x01", response)
        if match is None:
            raise ValueError("not a GS2 header and pairs")
        pairs = dict(pair.split(b"=", 1) for pair in match[2].split(b"\x01")[:-1])
        if re.search(rb"=(?!2C|3D)", match[1] or b""):
            raise ValueError("an = in a name is =3D")
        username = (match[1] or b"").replace(b"=2C", b",").replace(b"=3D", b"=")
        return _credentials(username, pairs.get(b"auth", b""))


@implementer(ISASLServer)
class XOAuth2Server:
    """The server half; what it says of a failure is what Google's says."""

    refusal = json.dumps({"status": "401", "schemes": "bearer", "scope": ""}).encode("ascii")

    def __init__(self, connection: Any, backend: Any) -> None:
        pass

    def next(self, response: bytes | None) -> bytes | BearerToken:
        """
        user, token.

        Raises:
            ValueError: It is malformed.
        """
        if response is None:
            return b""
        match = re.fullmatch(rb"user=([^\x01]+)\x01auth=([^\x01]*)\x01\x01", response)
        if match is None:
            raise ValueError("not user and auth")
        return _credentials(match[1], match[2])


OAUTHBEARER = Mechanism("OAUTHBEARER", IBearerToken, OAuthBearerServer)
XOAUTH2 = Mechanism("XOAUTH2", IBearerToken, XOAuth2Server)


@implementer(ISASLClient)
class OAuthBearer:
    """
    OAUTHBEARER (RFC 7628), the client half.

    Args:
        token: The access token.
        host: The server's name, where the token is bound to it (§3.1).
        port: Likewise.
    """

    name = "OAUTHBEARER"

    def __init__(self, username: str, token: str, host: str = "", port: int = 0) -> None:
        self._username = username
        self._token = token
        self.secrets = (token,)
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
    """XOAUTH2, which is Google's, the client half."""

    name = "XOAUTH2"

    def start(self) -> bytes:
        """user, token."""
        return f"user={self._username}\x01auth=Bearer {self._token}\x01\x01".encode()

    def next(self, challenge: bytes) -> bytes:
        """The challenge is an error, which is acknowledged by nothing."""
        return b""
