"""CRAM-MD5 (RFC 2195): a challenge, and its digest with the password as the key."""

from __future__ import annotations

import hmac
import secrets
import time

from twisted.cred.credentials import IUsernameHashedPassword
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import Connection, ISASLClient, ISASLServer
from txsmtpx.sasl.mechanism import Mechanism, both_forms, computes, need, prepared


@implementer(IUsernameHashedPassword)
class ChallengeResponse:
    """
    The credentials: a name, and the proof of a password, for checkers that have the password itself.

    Attributes:
        username: The user name, in UTF-8.

    Args:
        username: The user name, in UTF-8.
        challenge: The challenge of the server.
        digest: The response of the client, in hexadecimal, lower case.
    """

    def __init__(self, username: bytes, challenge: bytes, digest: bytes) -> None:
        self.username = username
        self._challenge = challenge
        self._digest = digest

    def checkPassword(self, password: bytes | str) -> bool:
        """
        Return whether the client knows the password, prepared by SASLprep or as it was typed.  The time is constant.

        Args:
            password: The password that the checker has.

        Returns:
            True if the client knows it.
        """
        right, raw = both_forms(password)
        return self._made_with(right) | self._made_with(raw)

    def _made_with(self, key: bytes) -> bool:
        digest = hmac.new(key, self._challenge, "md5").hexdigest()
        return hmac.compare_digest(digest.encode("ascii"), self._digest)

    def __repr__(self) -> str:
        return f"<ChallengeResponse {self.username!r}>"


@implementer(ISASLServer)
class CramMD5Server:
    """
    The server's half.

    Args:
        connection: The connection.
        backend: The backend.
    """

    def __init__(self, connection: Connection, backend: object) -> None:
        # §2: the challenge has the form of a Message-ID, and is never repeated
        self._challenge = f"<{secrets.randbits(64)}.{int(time.time())}@{connection.domain}>".encode()
        self._challenged = False

    def next(self, response: bytes | None) -> bytes | ChallengeResponse:
        """
        Send the challenge, then handle the response.

        Args:
            response: The name, a space and the digest; None at the beginning.

        Returns:
            The challenge, then the credentials.

        Raises:
            ValueError: The response is not a name and a digest.
            SMTPError: SASLprep prohibits the name: 535 5.7.8.
        """
        if not self._challenged:
            self._challenged = True
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
    """
    CRAM-MD5 (RFC 2195), the client's half.

    Args:
        username: The user name.
        password: The password.

    Example:
        >>> CramMD5("tim", "tanstaaftanstaaf").next(b"<1896.697170952@postoffice.reston.mci.net>")
        b'tim b913a602c7eda7a495b4e6e7334d3890'
    """

    name = "CRAM-MD5"

    @checked
    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self.secrets: tuple[str, ...] = (password,)

    def start(self) -> None:
        """
        Wait for the server, which sends first.

        Raises:
            NotOffered: This system has no MD5.
        """
        need(self.name, "md5")

    def next(self, challenge: bytes) -> bytes:
        """
        Return the response to the challenge (§2).

        Args:
            challenge: The challenge.

        Returns:
            The name, a space and the digest.
        """
        digest = hmac.new(self._password.encode("utf-8"), challenge, "md5").hexdigest()
        return f"{self._username} {digest}".encode()

    def __repr__(self) -> str:
        return f"<CramMD5 {self._username!r}>"
