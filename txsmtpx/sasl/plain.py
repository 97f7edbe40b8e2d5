"""PLAIN (RFC 4616): [authzid] NUL authcid NUL password."""

from __future__ import annotations

import secrets
from collections.abc import Coroutine

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import ActingAsBackend, Connection, ISASLClient, ISASLServer, provides
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword
from txsmtpx.settling import settle


@implementer(ISASLServer)
class PlainServer:
    """
    The server's half.

    Args:
        connection: The connection.
        backend: The backend, which may be an `ActingAsBackend`.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        self._backend = backend

    def next(
        self, response: bytes | None
    ) -> bytes | UsernamePassword | Coroutine[Deferred[object], object, UsernamePassword]:
        """
        Handle the only response.

        Args:
            response: The names and the password; None if the client has sent none yet.

        Returns:
            An empty challenge, then the credentials.

        Raises:
            ValueError: The response is malformed.
            SMTPError: SASLprep prohibits the name or the password: 535 5.7.8.
        """
        if response is None:
            return b""
        parts = response.split(b"\0")
        if len(parts) != 3 or not parts[1]:
            raise ValueError("not authzid NUL authcid NUL password")
        authzid, authcid, password = parts
        authcid.decode("utf-8")  # RFC 4616 §2; a UnicodeDecodeError is a ValueError
        credentials = UsernamePassword.prepared(authcid, password)
        if authzid in (b"", authcid):
            return credentials
        return self._acting(credentials, authzid.decode("utf-8"))

    async def _acting(self, credentials: UsernamePassword, authorization: str) -> UsernamePassword:
        """
        Return the credentials of a user who acts as another.

        If that is not allowed, they have a wrong password: the login fails in the same way, and takes as long.

        Returns:
            The credentials.
        """
        allowed = False
        if provides(self._backend, ActingAsBackend):
            answer = settle(self._backend.may_act_as(credentials.username.decode("utf-8"), authorization))
            allowed = await answer if isinstance(answer, Deferred) else answer
        if not allowed:
            return UsernamePassword(credentials.username, secrets.token_hex().encode())
        return ActingAs(credentials.username, credentials.password, authorization)


class ActingAs(UsernamePassword):
    """
    The credentials of a user who acts as another one.

    Attributes:
        authorization: The other user, who becomes the ``username`` of the connection.

    Args:
        username: The user who authenticates, in UTF-8.
        password: The password, in UTF-8.
        authorization: The other user.
    """

    def __init__(self, username: bytes, password: bytes, authorization: str) -> None:
        super().__init__(username, password)
        self.authorization = authorization


PLAIN = Mechanism("PLAIN", IUsernamePassword, PlainServer)


@implementer(ISASLClient)
class Plain:
    r"""
    PLAIN (RFC 4616), the client's half.

    Args:
        username: The user name.
        password: The password.
        authorization: The user to act as; "" for the same.

    Raises:
        ValueError: One of them holds a NUL, which separates them.

    Example:
        >>> Plain("user", "secret").start()
        b'\x00user\x00secret'
    """

    name = "PLAIN"

    @checked
    def __init__(self, username: str, password: str, authorization: str = "") -> None:
        if "\0" in username + password + authorization:
            raise ValueError("NUL in a name or password")
        self._username = username
        self.secrets: tuple[str, ...] = (password,)
        self._response = "\0".join([authorization, username, password]).encode("utf-8")

    def start(self) -> bytes:
        """
        Return the initial response.

        Returns:
            The names and the password.
        """
        return self._response

    def next(self, challenge: bytes) -> bytes:
        """
        Return the response to a challenge: the same as the initial response.

        Args:
            challenge: A challenge, which the server need not send.

        Returns:
            The names and the password.
        """
        return self._response

    def __repr__(self) -> str:
        return f"<Plain {self._username!r}>"
