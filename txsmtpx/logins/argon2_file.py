"""
A checker of passwords in a file of argon2id hashes (RFC 9106); by ``argon2-cffi``, the extra ``txsmtpx[argon2]``.
"""

from __future__ import annotations

import secrets
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.logins.password_file import Hashing, InThread, PasswordFile
from txsmtpx.settling import then


@implementer(ICredentialsChecker)
class Argon2Checker:
    """
    Whoever is not in the file costs what the others do: the verification of a hash.

    Args:
        path: Of the file; each line ``NAME:$argon2id$...``.

    Raises:
        ImportError: ``argon2-cffi`` is not installed: ``pip install txsmtpx[argon2]``.
        OSError: The file cannot be read.
        ValueError: A line is not understood.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, path: str, in_thread: InThread | None = None) -> None:
        from argon2 import PasswordHasher

        self._hasher = PasswordHasher()
        self._hashing = Hashing(in_thread)
        self._file = PasswordFile(path, self._parse, in_thread)

    def _parse(self, entries: list[tuple[str, str]]) -> tuple[dict[bytes, str], str]:
        """The hashes by name, and one of the same cost for strangers."""
        from argon2 import PasswordHasher, extract_parameters
        from argon2.exceptions import InvalidHashError

        try:
            parameters = [extract_parameters(value) for _, value in entries if value.startswith("$argon2id$")]
        except InvalidHashError:
            parameters = []
        if len(parameters) != len(entries):
            raise ValueError("there is a hash in it that is not of argon2id")
        hasher = PasswordHasher.from_parameters(parameters[0]) if parameters else self._hasher
        return {name.encode("utf-8"): value for name, value in entries}, hasher.hash(secrets.token_hex())

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """
        The name.

        Raises:
            UnauthorizedLogin: By the Deferred.
        """

        def verified(content: tuple[dict[bytes, str], str]) -> Deferred[bytes | tuple[()]]:
            known, stranger = content
            value = known.get(credentials.username, stranger)
            right = self._hashing.compute(self._verify, value, credentials.password)
            return right.addCallback(_avatar, credentials.username)

        return then(self._file.current(), verified)  # type: ignore[no-any-return]

    def _verify(self, value: str, password: bytes) -> bool:
        from argon2.exceptions import VerificationError

        try:
            return self._hasher.verify(value, password)
        except VerificationError:
            return False


def _avatar(right: bool, username: bytes) -> bytes | tuple[()]:
    if not right:
        raise UnauthorizedLogin()
    return username
