"""A checker of user names and passwords in a file of plain text, for PLAIN, LOGIN and CRAM-MD5."""

from __future__ import annotations

import secrets
from typing import Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import InThread
from txsmtpx.logins.password_file import PasswordFile


class CheckedPassword(Protocol):
    """Credentials that compare a password: `IUsernamePassword` and `IUsernameHashedPassword`."""

    @property
    def username(self) -> bytes:
        """The user name, in UTF-8."""

    def checkPassword(self, password: bytes) -> bool:
        """
        Compare a password.

        Args:
            password: The password of the user.

        Returns:
            Whether the client knows it.
        """


@implementer(ICredentialsChecker)
class PlainFileChecker:
    """
    A checker of user names and passwords.  Each line of the file is ``NAME:PASSWORD``.

    The file is read at the start, and again in a thread after it has changed.  Twisted's ``FilePasswordDB`` reads the
    whole file in the reactor's thread at each login.  As there, the password ends at the next colon.

    Args:
        path: The file.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is malformed.
    """

    credentialInterfaces = (IUsernamePassword, IUsernameHashedPassword)

    @checked
    def __init__(self, path: str, in_thread: InThread | None = None) -> None:
        self._file = PasswordFile(path, _parse, in_thread)
        self._unknown = secrets.token_bytes(16)  # checked for unknown users, so that they take as long as known ones

    def requestAvatarId(self, credentials: CheckedPassword) -> Deferred[bytes | tuple[()]]:
        """
        Return the user name, if the password is right.

        Args:
            credentials: The user name and the password, or the proof of one.

        Returns:
            The user name.

        Raises:
            UnauthorizedLogin: The user is unknown, or the password is wrong; the Deferred fails.
        """
        return Deferred.fromCoroutine(self._checked(credentials))

    async def _checked(self, credentials: CheckedPassword) -> bytes | tuple[()]:
        current = self._file.current()
        passwords = await current if isinstance(current, Deferred) else current
        password = passwords.get(credentials.username)
        if not credentials.checkPassword(self._unknown if password is None else password) or password is None:
            raise UnauthorizedLogin()
        return credentials.username


def _parse(entries: list[tuple[str, str]]) -> dict[bytes, bytes]:
    return {name.encode("utf-8"): value.partition(":")[0].encode("utf-8") for name, value in entries}
