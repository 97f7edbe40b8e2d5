"""
LOGIN: never more than a draft (draft-murchison-sasl-login), but what many clients still speak.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword


@implementer(ISASLServer)
class LoginServer:
    """The server half: asks for a name, then for a password; the name may have come at once."""

    def __init__(self, connection: Any, backend: Any) -> None:
        self.username = b""

    def next(self, response: bytes | None) -> bytes | UsernamePassword:
        """
        Raises:
            ValueError: An empty name, or one that is no UTF-8.
            SMTPError: 535 5.7.8, nobody can have such a name or password.
        """
        if response is None:
            return b"Username:"
        if not self.username:
            if not response:
                raise ValueError("no username")
            response.decode("utf-8")
            self.username = response
            return b"Password:"
        return UsernamePassword.prepared(self.username, response)


LOGIN = Mechanism("LOGIN", IUsernamePassword, LoginServer)


@implementer(ISASLClient)
class Login:
    """LOGIN, the client half: answers what it is asked, name first."""

    name = "LOGIN"

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self.secrets = (password,)
        self._both = username.encode("utf-8"), password.encode("utf-8")
        self._answers: list[bytes] = []

    def fresh(self) -> Login:
        """Return a copy, for one exchange."""
        return copy.copy(self)

    def start(self) -> None:
        """The server speaks first."""
        self._answers = list(self._both)

    def next(self, challenge: bytes) -> bytes:
        """
        Raises:
            ValueError: The server asks a third time.
        """
        if not self._answers:
            raise ValueError("LOGIN asks for two things")
        return self._answers.pop(0)

    def __repr__(self) -> str:
        return f"<Login {self._username!r}>"
