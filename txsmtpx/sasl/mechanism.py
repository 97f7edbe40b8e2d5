"""
What a SASL mechanism is: a value that both ends read, and the credentials that most of them lead to.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.errors import Fault, NotOffered, auth_failed
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import ISASLServer
from txsmtpx.sasl.saslprep import saslprep


@dataclass(frozen=True)
class Mechanism:
    """
    One mechanism.

    Attributes:
        name: As registered.
        credential_interface: What its server half gives, an interface of `twisted.cred.credentials` or the like.
        server: Makes a server half; takes the `txsmtpx.Connection` and the backend.
        server_first: Whether the client may not begin it.
        available: Whether a connection allows it, such as by its TLS.
        suits: Whether a backend that takes the credentials can satisfy it.
    """

    name: str
    credential_interface: Any
    server: Callable[[Any, Any], ISASLServer]
    server_first: bool = False
    available: Callable[[Any], bool] = lambda connection: True
    suits: Callable[[Any], bool] = lambda backend: True


def computes(algorithm: str) -> bool:
    """
    Whether this system computes HMAC by ``algorithm``: MD5 may be switched off, such as by FIPS 140.

    Args:
        algorithm: A name of `hashlib`.
    """
    try:
        hmac.new(bytes(16), b"", algorithm)
    except ValueError:
        return False
    return True


def need(name: str, algorithm: str) -> None:
    """
    Check that this system computes the hash that the mechanism ``name`` needs (`computes`).

    Raises:
        NotOffered: It does not.
    """
    if not computes(algorithm):
        text = f"AUTH {name} needs {asciitext.upper(algorithm)}, which this system lacks"
        raise NotOffered(text, command="AUTH", fault=Fault.CALLER)


def prepared(octets: bytes | str) -> bytes:
    """
    A name or password in its one form (`saslprep`).

    Raises:
        ValueError: There is none.
    """
    text = octets if isinstance(octets, str) else octets.decode("utf-8")
    return saslprep(text).encode("utf-8")


def both_forms(password: bytes | str) -> tuple[bytes, bytes]:
    """A password that is kept somewhere, prepared and as it was typed; the same twice where it cannot be prepared."""
    raw = password.encode("utf-8") if isinstance(password, str) else password
    try:
        return prepared(raw), raw
    except ValueError:
        return raw, raw


@implementer(IUsernamePassword)
class UsernamePassword:
    """
    A name and a password, as octets, which checkers of `twisted.cred` compare.

    It is shown without its password, and compared in constant time.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self.username = username
        self.password = password

    @classmethod
    def prepared(cls, username: bytes, password: bytes) -> UsernamePassword:
        """
        From what came by the wire.

        Raises:
            SMTPError: 535 5.7.8, nobody can have such a name or password.
        """
        try:
            return cls(prepared(username), prepared(password))
        except ValueError:
            raise auth_failed() from None

    def checkPassword(self, password: bytes | str) -> bool:
        """Whether ``password``, the right one, is this one, in this form or as it was typed."""
        right, raw = both_forms(password)
        return hmac.compare_digest(self.password, right) | hmac.compare_digest(self.password, raw)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.username!r}>"
