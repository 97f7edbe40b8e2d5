"""
PLAIN: RFC 4616, [authzid] NUL authcid NUL password.
"""

from __future__ import annotations

import secrets
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword
from txsmtpx.settling import settle


@implementer(ISASLServer)
class PlainServer:
    """The server half."""

    def __init__(self, connection: Any, backend: Any) -> None:
        self._may_act_as = getattr(backend, "may_act_as", None)

    def next(self, response: bytes | None) -> Any:
        """
        One response is all of it.

        Raises:
            ValueError: It is malformed.
            SMTPError: 535 5.7.8, nobody can have such a name or password.
        """
        if response is None:
            return b""
        parts = response.split(b"\0")
        if len(parts) != 3 or not parts[1]:
            raise ValueError("not authzid NUL authcid NUL password")
        authzid, authcid, password = parts
        authcid.decode("utf-8")  # RFC 4616 §2: a UnicodeDecodeError is a ValueError
        credentials = UsernamePassword.prepared(authcid, password)
        if authzid in (b"", authcid):
            return credentials
        return self._acting(credentials, authzid.decode("utf-8"))

    async def _acting(self, credentials: UsernamePassword, authorization: str) -> UsernamePassword:
        """Whoever may not act as ``authorization`` fails as with a wrong password, and it costs as much."""
        allowed = None
        if self._may_act_as is not None:
            allowed = settle(self._may_act_as(credentials.username.decode("utf-8"), authorization))
            allowed = await allowed if isinstance(allowed, Deferred) else allowed
        if not allowed:
            return UsernamePassword(credentials.username, secrets.token_hex().encode())
        return ActingAs(credentials.username, credentials.password, authorization)


class ActingAs(UsernamePassword):
    """
    Credentials of someone who is to be taken for someone else.

    Attributes:
        authorization: Whom; the connection's ``username`` from then on.
    """

    def __init__(self, username: bytes, password: bytes, authorization: str) -> None:
        super().__init__(username, password)
        self.authorization = authorization


PLAIN = Mechanism("PLAIN", IUsernamePassword, PlainServer)


@implementer(ISASLClient)
class Plain:
    """
    PLAIN (RFC 4616), the client half.

    Args:
        authorization: Whom to act as, "" for oneself.

    Raises:
        ValueError: A NUL, which separates them.
    """

    name = "PLAIN"

    def __init__(self, username: str, password: str, authorization: str = "") -> None:
        if "\0" in username + password + authorization:
            raise ValueError("NUL in a name or password")
        self._username = username
        self.secrets = (password,)
        self._response = "\0".join([authorization, username, password]).encode("utf-8")

    def start(self) -> bytes:
        """All of it."""
        return self._response

    def next(self, challenge: bytes) -> bytes:
        """A server that asks nevertheless hears the same."""
        return self._response

    def __repr__(self) -> str:
        return f"<Plain {self._username!r}>"
