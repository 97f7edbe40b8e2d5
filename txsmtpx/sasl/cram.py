"""
CRAM-MD5: RFC 2195, a challenge and its keyed digest.
"""

from __future__ import annotations

import hmac

from zope.interface import implementer

from txsmtpx.interfaces import ISASLClient


@implementer(ISASLClient)
class CramMD5:
    """The client half."""

    name = "CRAM-MD5"

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password

    def start(self) -> None:
        """The server speaks first."""

    def next(self, challenge: bytes) -> bytes:
        """§2."""
        digest = hmac.new(self._password.encode("utf-8"), challenge, "md5").hexdigest()
        return f"{self._username} {digest}".encode()

    def __repr__(self) -> str:
        return f"<CramMD5 {self._username!r}>"
