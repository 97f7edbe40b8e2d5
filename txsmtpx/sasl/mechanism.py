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

from txsmtpx.interfaces import ISASLServer


@dataclass(frozen=True)
class Mechanism:
    """
    One mechanism.

    @ivar name: as registered.
    @ivar credential_interface: what its server half gives, an interface of L{twisted.cred.credentials}.
    @ivar server: makes a server half; takes the L{txsmtpx.dialog.connection.Connection}.
    """

    name: str
    credential_interface: Any
    server: Callable[[Any], ISASLServer]


@implementer(IUsernamePassword)
class UsernamePassword:
    """
    A name and a password, as octets, which checkers of L{twisted.cred} compare.

    It is shown without its password, and compared in constant time.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self.username = username
        self.password = password

    def checkPassword(self, password: bytes | str) -> bool:
        """Whether C{password}, the right one, is this one."""
        right = password.encode("utf-8") if isinstance(password, str) else password
        return hmac.compare_digest(self.password, right)

    def __repr__(self) -> str:
        return f"<UsernamePassword {self.username!r}>"
