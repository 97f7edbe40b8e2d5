"""
LOGIN: never more than a draft (draft-murchison-sasl-login), but what many clients still speak.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.interfaces import ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword


@implementer(ISASLServer)
class LoginServer:
    """The server half: asks for a name, then for a password; the name may have come at once."""

    def __init__(self, connection: Any) -> None:
        self._username: bytes | None = None

    def next(self, response: bytes | None) -> bytes | UsernamePassword:
        """
        @raise ValueError: an empty name, or one that is no UTF-8.
        """
        if response is None:
            return b"Username:"
        if self._username is None:
            if not response:
                raise ValueError("no username")
            response.decode("utf-8")
            self._username = response
            return b"Password:"
        return UsernamePassword(self._username, response)


LOGIN = Mechanism("LOGIN", IUsernamePassword, LoginServer)
