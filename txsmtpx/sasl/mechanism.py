"""A SASL mechanism on the server, and the credentials that most of them end with: a name and a password."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from txsmtpx.errors import Fault, NotOffered, auth_failed
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import Connection, SASLServerLike
from txsmtpx.sasl.saslprep import saslprep


@dataclass(frozen=True)
class Mechanism:
    """
    One mechanism, as the server uses it.

    Attributes:
        name: The registered name.
        credential_interface: The interface of its credentials, such as one of `twisted.cred.credentials`.
        server: Makes the server's half for a connection and the backend.
        server_first: True if the server sends first.  Then an initial response is refused.
        available: Returns whether a connection allows the mechanism, such as by its TLS.
        suits: Returns whether a backend that accepts the credentials can serve the mechanism.
    """

    name: str
    credential_interface: InterfaceClass
    server: Callable[[Connection, object], SASLServerLike]
    server_first: bool = False
    available: Callable[[Connection], bool] = lambda connection: True
    suits: Callable[[object], bool] = lambda backend: True


def computes(algorithm: str) -> bool:
    """
    Return whether this system computes HMAC by an algorithm.  MD5 may be switched off, such as by FIPS 140.

    Args:
        algorithm: A name of `hashlib`.

    Returns:
        True if it does.
    """
    try:
        hmac.new(bytes(16), b"", algorithm)
    except ValueError:
        return False
    return True


def need(name: str, algorithm: str) -> None:
    """
    Check that this system computes the hash that a mechanism needs (`computes`).

    Args:
        name: The mechanism.
        algorithm: A name of `hashlib`.

    Raises:
        NotOffered: It does not.
    """
    if not computes(algorithm):
        text = f"AUTH {name} needs {asciitext.upper(algorithm)}, which this system lacks"
        raise NotOffered(text, command="AUTH", fault=Fault.CALLER)


def prepared(octets: bytes | str) -> bytes:
    """
    Prepare a name or password (`saslprep`).

    Args:
        octets: The name or password; octets are UTF-8.

    Returns:
        The prepared form in UTF-8.

    Raises:
        ValueError: It cannot be prepared.
    """
    text = octets if isinstance(octets, str) else octets.decode("utf-8")
    return saslprep(text).encode("utf-8")


def both_forms(password: bytes | str) -> tuple[bytes, bytes]:
    """
    Return both forms of a stored password.

    Args:
        password: The password; octets are UTF-8.

    Returns:
        The prepared form, and the form as it was typed.  If it cannot be prepared, the latter twice.
    """
    raw = password.encode("utf-8") if isinstance(password, str) else password
    try:
        return prepared(raw), raw
    except ValueError:
        return raw, raw


@implementer(IUsernamePassword)
class UsernamePassword:
    """
    The credentials: a name and a password, which checkers of `twisted.cred` compare.

    The representation shows no password.  The comparison takes constant time.

    Attributes:
        username: The user name, in UTF-8.
        password: The password.

    Args:
        username: The user name, in UTF-8.
        password: The password.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self.username = username
        self.password = password

    @classmethod
    def prepared(cls, username: bytes, password: bytes) -> UsernamePassword:
        """
        Prepare the name and the password that a client has sent.

        Args:
            username: The user name.
            password: The password.

        Returns:
            The credentials.

        Raises:
            SMTPError: SASLprep prohibits one of them: 535 5.7.8.
        """
        try:
            return cls(prepared(username), prepared(password))
        except ValueError:
            raise auth_failed() from None

    def checkPassword(self, password: bytes | str) -> bool:
        """
        Return whether the password is that of the checker, prepared or as it was typed.

        Args:
            password: The password that the checker has.

        Returns:
            True if they are equal.
        """
        right, raw = both_forms(password)
        return hmac.compare_digest(self.password, right) | hmac.compare_digest(self.password, raw)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.username!r}>"
