"""
PLAIN: RFC 4616, [authzid] NUL authcid NUL password.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword


@implementer(ISASLServer)
class PlainServer:
    """The server half."""

    def __init__(self, connection: Any) -> None:
        pass

    def next(self, response: bytes | None) -> bytes | UsernamePassword:
        """
        One response is all of it.

        @raise ValueError: it is malformed.
        @raise SMTPError: 535 5.7.8, someone wants to act as someone else.
        """
        if response is None:
            return b""
        parts = response.split(b"\0")
        if len(parts) != 3 or not parts[1]:
            raise ValueError("not authzid NUL authcid NUL password")
        authzid, authcid, password = parts
        if authzid not in (b"", authcid):
            raise auth_failed()
        authcid.decode("utf-8")  # RFC 4616 §2: a UnicodeDecodeError is a ValueError
        return UsernamePassword(authcid, password)


PLAIN = Mechanism("PLAIN", IUsernamePassword, PlainServer)


@implementer(ISASLClient)
class Plain:
    """The client half."""

    name = "PLAIN"

    def __init__(self, username: str, password: str, authorization: str = "") -> None:
        """
        @param authorization: whom to act as, "" for oneself.
        @raise ValueError: a NUL, which separates them.
        """
        if "\0" in username + password + authorization:
            raise ValueError("NUL in a name or password")
        self._username = username
        self._response = "\0".join([authorization, username, password]).encode("utf-8")

    def start(self) -> bytes:
        """All of it."""
        return self._response

    def next(self, challenge: bytes) -> bytes:
        """A server that asks nevertheless hears the same."""
        return self._response

    def __repr__(self) -> str:
        return f"<Plain {self._username!r}>"
