"""A checker of passwords in a file of argon2id hashes (RFC 9106).  It needs the extra ``txsmtpx[argon2]``."""

from __future__ import annotations

import secrets

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import InThread, UsernamePasswordLike
from txsmtpx.logins.password_file import Hashing, PasswordFile


@implementer(ICredentialsChecker)
class Argon2Checker:
    """
    A checker of user names and passwords.  An unknown user takes as long as a known one: the verification of a hash.

    Args:
        path: The file.  Each line is ``NAME:$argon2id$...``; ``python -m txsmtpx.passwd argon2`` writes it.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Raises:
        ImportError: ``argon2-cffi`` is not installed: ``pip install txsmtpx[argon2]``.
        OSError: The file cannot be read.
        ValueError: A line is malformed.

    Example:
        ::

            backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [Argon2Checker("/etc/mail/passwords")]))
    """

    credentialInterfaces: tuple[type[IUsernamePassword]] = (IUsernamePassword,)

    @checked
    def __init__(self, path: str, in_thread: InThread | None = None) -> None:
        from argon2 import PasswordHasher

        self._hasher = PasswordHasher()
        self._hashing = Hashing(in_thread)
        self._file = PasswordFile(path, self._parse, in_thread)

    def _parse(self, entries: list[tuple[str, str]]) -> tuple[dict[bytes, str], str]:
        """Return the hashes by name, and a hash of the same cost for unknown users."""
        from argon2 import PasswordHasher, extract_parameters
        from argon2.exceptions import InvalidHashError

        parameters = []
        for name, value in entries:
            try:
                parameters.append(extract_parameters(value))
            except InvalidHashError:
                value = ""
            if not value.startswith("$argon2id$"):
                raise ValueError(f"user {name!r}: this is no hash of argon2id; python -m txsmtpx.passwd writes one")
        hasher = PasswordHasher.from_parameters(parameters[0]) if parameters else self._hasher
        return {name.encode("utf-8"): value for name, value in entries}, hasher.hash(secrets.token_hex())

    def requestAvatarId(self, credentials: UsernamePasswordLike) -> Deferred[bytes | tuple[()]]:
        """
        Return the user name, if the password is right.

        Args:
            credentials: The user name and the password.

        Returns:
            The user name.

        Raises:
            UnauthorizedLogin: The user is unknown, or the password is wrong; the Deferred fails.
        """
        return Deferred.fromCoroutine(self._checked(credentials))

    async def _checked(self, credentials: UsernamePasswordLike) -> bytes | tuple[()]:
        current = self._file.current()
        known, stranger = await current if isinstance(current, Deferred) else current
        value = known.get(credentials.username, stranger)
        if not await self._hashing.compute(self._verify, value, credentials.password):
            raise UnauthorizedLogin()
        return credentials.username

    def _verify(self, value: str, password: bytes) -> bool:
        from argon2.exceptions import VerificationError

        try:
            return self._hasher.verify(value, password)
        except VerificationError:
            return False
