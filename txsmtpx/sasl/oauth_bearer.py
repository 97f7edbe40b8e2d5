"""OAUTHBEARER (RFC 7628), and XOAUTH2, its predecessor, which most servers still use."""

from __future__ import annotations

import json
import re

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from txsmtpx.arguments import checked
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import Connection, ISASLClient, ISASLServer, TokenRefusal, provides
from txsmtpx.sasl.mechanism import Mechanism


class IBearerToken(ICredentials):
    """An access token (RFC 6750), for a checker that asks its issuer."""

    username: bytes = Attribute("The user that the client names; b\"\" if it names none: then the checker sets it.")
    token: str = Attribute("The token.")


@implementer(IBearerToken)
class BearerToken:
    """
    The credentials.  See `IBearerToken` for the attributes.  The representation shows no token.

    Args:
        username: The user that the client names; ``b""`` if it names none.
        token: The token.
    """

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


def _refusal(backend: object, error: dict[str, str]) -> bytes:
    further = backend.token_refusal if provides(backend, TokenRefusal) else {}
    return json.dumps({**error, **further}).encode("ascii")


@implementer(ISASLServer)
class OAuthBearerServer:
    """
    The server's half.

    Attributes:
        refusal: The challenge before a 535 (RFC 7628 §3.2.2).

    Args:
        connection: The connection.
        backend: The backend, which may be an `ITokenRefusal`.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        self.refusal: bytes = _refusal(backend, {"status": "invalid_token", "schemes": "bearer"})
        self._refused = False

    def next(self, response: bytes | None) -> bytes | BearerToken:
        """
        Handle the only response (RFC 7628 §3.1).

        A client without a token, which wants to know where it can get one, is refused (§4.3).

        Args:
            response: A GS2 header, and pairs of keys and values; None if the client has sent none yet.

        Returns:
            An empty challenge, then the credentials.

        Raises:
            ValueError: The response is malformed.
            SMTPError: The client has no token: 535 5.7.8.
        """
        if response is None:
            return b""
        if self._refused:
            raise auth_failed()
        match = re.fullmatch(rb"[ny],(?:a=([^,]*))?,\x01((?:[A-Za-z]+=[^\x01]*\x01)*)\x01", response)
        if match is None:
            raise ValueError("not a GS2 header and pairs")
        pairs = dict(pair.split(b"=", 1) for pair in match[2].split(b"\x01")[:-1])
        if re.search(rb"=(?!2C|3D)", match[1] or b""):
            raise ValueError("an = in a name is =3D")
        username = (match[1] or b"").replace(b"=2C", b",").replace(b"=3D", b"=")
        if pairs.get(b"auth") == b"":
            self._refused = True
            return self.refusal
        return _credentials(username, pairs.get(b"auth", b""))


@implementer(ISASLServer)
class XOAuth2Server:
    """
    The server's half.

    Attributes:
        refusal: The challenge before a 535, as Google's server sends it.

    Args:
        connection: The connection.
        backend: The backend, which may be an `ITokenRefusal`.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        self.refusal: bytes = _refusal(backend, {"status": "401", "schemes": "bearer", "scope": ""})

    def next(self, response: bytes | None) -> bytes | BearerToken:
        """
        Handle the only response.

        Args:
            response: The pairs ``user`` and ``auth``; None if the client has sent none yet.

        Returns:
            An empty challenge, then the credentials.

        Raises:
            ValueError: The response is malformed.
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
    r"""
    OAUTHBEARER (RFC 7628), the client's half.

    Args:
        username: The user name; "" for that of the token.
        token: The access token.
        host: The name of the server, if the token is bound to it (§3.1).
        port: The port of the server, likewise.

    Attributes:
        refused: True after the challenge by which a server refuses the token.

    Example:
        >>> OAuthBearer("user@example.org", "token").start()
        b'n,a=user@example.org,\x01auth=Bearer token\x01\x01'
    """

    name = "OAUTHBEARER"

    @checked
    def __init__(self, username: str, token: str, host: str = "", port: int = 0) -> None:
        self._username = username
        self._token = token
        self.secrets: tuple[str, ...] = (token,)
        self._host = host
        self._port = port
        self.refused = False

    def start(self) -> bytes:
        """
        Return the initial response (§3.1).

        Returns:
            The name and the token.
        """
        name = self._username.replace("=", "=3D").replace(",", "=2C")
        named = f"a={name}" if name else ""
        fields = [f"host={self._host}"] * bool(self._host) + [f"port={self._port}"] * bool(self._port)
        return "\x01".join([f"n,{named},", *fields, f"auth=Bearer {self._token}", "", ""]).encode()

    def next(self, challenge: bytes) -> bytes:
        """
        Acknowledge a challenge, which is an error (§3.2.3).  The 535 follows.

        Args:
            challenge: The error, in JSON.

        Returns:
            A single octet 1.
        """
        self.refused = True
        return b"\x01"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._username!r}>"


@implementer(ISASLClient)
class XOAuth2(OAuthBearer):
    r"""
    XOAUTH2 of Google, the client's half.  See `OAuthBearer` for the arguments.

    Example:
        >>> XOAuth2("user@example.org", "token").start()
        b'user=user@example.org\x01auth=Bearer token\x01\x01'
    """

    name = "XOAUTH2"

    def start(self) -> bytes:
        """
        Return the initial response.

        Returns:
            The name and the token.
        """
        return f"user={self._username}\x01auth=Bearer {self._token}\x01\x01".encode()

    def next(self, challenge: bytes) -> bytes:
        """
        Acknowledge a challenge, which is an error.  The 535 follows.

        Args:
            challenge: The error, in JSON.

        Returns:
            An empty response.
        """
        self.refused = True
        return b""
