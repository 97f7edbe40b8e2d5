"""
PLAIN: RFC 4616, [authzid] NUL authcid NUL password.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import ISASLServer
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
