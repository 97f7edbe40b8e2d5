"""
CRAM-MD5: RFC 2195, a challenge and its keyed digest.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any

from twisted.cred.credentials import IUsernameHashedPassword
from zope.interface import implementer

from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, both_forms, computes, need, prepared


@implementer(IUsernameHashedPassword)
class ChallengeResponse:
    """
    A name, and proof of a password, for checkers that have the password itself.

    Args:
        digest: In hexadecimal, lower case.
    """

    def __init__(self, username: bytes, challenge: bytes, digest: bytes) -> None:
        self.username = username
        self._challenge = challenge
        self._digest = digest

    def checkPassword(self, password: bytes | str) -> bool:
        """Whether ``password`` was known to the client, prepared or as it was typed; in constant time."""
        right, raw = both_forms(password)
        return self._made_with(right) | self._made_with(raw)

    def _made_with(self, key: bytes) -> bool:
        digest = hmac.new(key, self._challenge, "md5").hexdigest()
        return hmac.compare_digest(digest.encode("ascii"), self._digest)

    def __repr__(self) -> str:
        return f"<ChallengeResponse {self.username!r}>"


@implementer(ISASLServer)
class CramMD5Server:
    """The server half."""

    def __init__(self, connection: Any, backend: Any) -> None:
        # §2: like a message id, and never twice the same
        self._challenge = f"<{secrets.randbits(64)}.{int(time.time())}@{connection.domain}>".encode()
        self._asked = False

    def next(self, response: bytes | None) -> bytes | ChallengeResponse:
        """
        Raises:
            ValueError: It is no name and digest.
            SMTPError: 535 5.7.8, nobody can have such a name.
        """
        if not self._asked:
            self._asked = True
            return self._challenge
        username, _, digest = (response or b"").rpartition(b" ")
        if not username:
            raise ValueError("not a name and a digest")
        username.decode("utf-8")
        try:
            return ChallengeResponse(prepared(username), self._challenge, digest.lower())
        except ValueError:
            raise auth_failed() from None


CRAM_MD5 = Mechanism(
    "CRAM-MD5", IUsernameHashedPassword, CramMD5Server, server_first=True, suits=lambda backend: computes("md5")
)


@implementer(ISASLClient)
class CramMD5:
    """CRAM-MD5 (RFC 2195), the client half."""

    name = "CRAM-MD5"

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self.secrets = (password,)

    def start(self) -> None:
        """
        The server speaks first.

        Raises:
            NotOffered: This system has no MD5.
        """
        need(self.name, "md5")

    def next(self, challenge: bytes) -> bytes:
        """§2."""
        digest = hmac.new(self._password.encode("utf-8"), challenge, "md5").hexdigest()
        return f"{self._username} {digest}".encode()

    def __repr__(self) -> str:
        return f"<CramMD5 {self._username!r}>"
