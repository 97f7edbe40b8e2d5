"""LOGIN: a draft only (draft-murchison-sasl-login), but many clients still use it."""

from __future__ import annotations

import copy

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import Connection, ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword


@implementer(ISASLServer)
class LoginServer:
    """
    The server's half: it asks for a name, then for a password.  The name may come as the initial response.

    Attributes:
        username: The user name, in UTF-8; ``b""`` before it is known.

    Args:
        connection: The connection.
        backend: The backend.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        self.username: bytes | None = b""

    def next(self, response: bytes | None) -> bytes | UsernamePassword:
        """
        Ask for the name, then for the password.

        Args:
            response: The name, then the password; None at the beginning.

        Returns:
            Two challenges, then the credentials.

        Raises:
            ValueError: The name is empty, or not UTF-8.
            SMTPError: SASLprep prohibits the name or the password: 535 5.7.8.
        """
        if response is None:
            return b"Username:"
        if not self.username:
            if not response:
                raise ValueError("the user name is empty")
            response.decode("utf-8")
            self.username = response
            return b"Password:"
        return UsernamePassword.prepared(self.username, response)


LOGIN = Mechanism("LOGIN", IUsernamePassword, LoginServer)


@implementer(ISASLClient)
class AuthLogin:
    """
    LOGIN, the client's half: it answers the first challenge with the name, the second with the password.

    Args:
        username: The user name.
        password: The password.

    Example:
        >>> client = AuthLogin("user", "secret")
        >>> client.start()
        >>> client.next(b"Username:"), client.next(b"Password:")
        (b'user', b'secret')
    """

    name = "LOGIN"

    @checked
    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self.secrets: tuple[str, ...] = (password,)
        self._both = username.encode("utf-8"), password.encode("utf-8")
        self._answers: list[bytes] = []

    def fresh(self) -> AuthLogin:
        """
        Return a copy for one exchange.

        Returns:
            The copy.
        """
        return copy.copy(self)

    def start(self) -> None:
        """Wait for the server, which sends first."""
        self._answers = list(self._both)

    def next(self, challenge: bytes) -> bytes:
        """
        Return the response to a challenge, whatever its text is.

        Args:
            challenge: The challenge.

        Returns:
            The name, then the password.

        Raises:
            ValueError: The server sends a third challenge.
        """
        if not self._answers:
            raise ValueError("LOGIN has two challenges only")
        return self._answers.pop(0)

    def __repr__(self) -> str:
        return f"<AuthLogin {self._username!r}>"
