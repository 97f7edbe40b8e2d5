"""
A checker of passwords in a file of SCRAM verifiers (RFC 5802 §3), for SCRAM itself, and for PLAIN and LOGIN.

Each line is ``NAME:{SCRAM-SHA-256}ITERATIONS,SALT,STOREDKEY,SERVERKEY``, with base64, as Dovecot writes it too.
Several lines of one name are for several mechanisms.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple, cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from txsmtpx.arguments import checked
from txsmtpx.interfaces import InThread, Username, UsernamePasswordLike
from txsmtpx.logins.password_file import Hashing, PasswordFile
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.sasl.scram_verifier import (
    HASHES,
    ITERATIONS,
    LEAST_ITERATIONS,
    MOST_ITERATIONS,
    SALT_OCTETS,
    ScramVerifier,
    made_up,
    verifier_for,
)
from txsmtpx.settling import then

_LINE = re.compile(r"\{(SCRAM-SHA-(?:1|256|512))\}([0-9]{4,8}),([^,]+),([^,]+),([^,]+)")


def written(mechanism: str, verifier: ScramVerifier) -> str:
    """
    Return a verifier as it is in the file, after the name.

    Args:
        mechanism: The mechanism, such as SCRAM-SHA-256.
        verifier: The verifier.

    Returns:
        The text.
    """
    octets = (verifier.salt, verifier.stored_key, verifier.server_key)
    return ",".join([f"{{{mechanism}}}{verifier.iterations}", *(base64.b64encode(each).decode() for each in octets)])


def read(text: str) -> tuple[str, ScramVerifier]:
    """
    Parse a verifier, the opposite of `written`.

    Args:
        text: The text after the name.

    Returns:
        The mechanism and the verifier.

    Raises:
        ValueError: It is malformed.  The text of the error does not quote it.
    """
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError("this is no verifier of SCRAM; python -m txsmtpx.passwd writes one")
    salt, stored, server = (base64.b64decode(each, validate=True) for each in match.groups()[2:])
    size = hashlib.new(HASHES[match[1]]).digest_size
    iterations = int(match[2])
    if len(salt) < 12 or len(stored) != size or len(server) != size:
        raise ValueError("the verifier has the wrong size; python -m txsmtpx.passwd writes one")
    if not LEAST_ITERATIONS <= iterations <= MOST_ITERATIONS:
        allowed = f"{LEAST_ITERATIONS} to {MOST_ITERATIONS}"
        raise ValueError(f"the verifier has {iterations} iterations, not {allowed}")
    return match[1], ScramVerifier(salt, stored, server, iterations)


class _Content(NamedTuple):
    verifiers: dict[tuple[str, str], ScramVerifier]  # by name and mechanism
    mechanisms: list[str]  # those for which every user has a verifier
    usual: dict[str, tuple[int, int]]  # iterations and octets of salt, by mechanism
    secret: bytes  # lives as long as the content, so that the salts of unknown users do too


def _parse(entries: list[tuple[str, str]]) -> _Content:
    verifiers = {}
    shapes: dict[str, Counter[tuple[int, int]]] = {}
    for name, text in entries:
        try:
            mechanism, verifier = read(text)
        except ValueError as error:
            raise ValueError(f"user {name!r}: {error}") from error
        verifiers[name, mechanism] = verifier
        shapes.setdefault(mechanism, Counter())[verifier.iterations, len(verifier.salt)] += 1
    names = {name for name, _ in entries}
    everybodys = [each for each in HASHES if all((name, each) in verifiers for name in names)]
    usual = {mechanism: counted.most_common(1)[0][0] for mechanism, counted in shapes.items()}
    first = next(iter(verifiers.values()), None)
    secret = hashlib.sha256(b"" if first is None else first.stored_key + first.server_key).digest()
    return _Content(verifiers, everybodys, usual, secret)


@implementer(ICredentialsChecker)
class ScramChecker:
    """
    A checker of SCRAM proofs, and of user names and passwords.  An unknown user gets, and takes, what a known one does.

    Args:
        path: The file.
        in_thread: It calls a function in a thread.  None: a thread of the reactor.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is not understood.
    """

    credentialInterfaces: tuple[type[IScramProof], type[IUsernamePassword]] = (IScramProof, IUsernamePassword)

    @checked
    def __init__(self, path: str, in_thread: InThread | None = None) -> None:
        self._hashing = Hashing(in_thread)
        self._file = PasswordFile(path, _parse, in_thread)

    @property
    def scram_mechanisms(self) -> Collection[str]:
        """The mechanisms for which every user in the file has a verifier."""
        return self._file.content.mechanisms

    def scram_verifier(self, username: str, mechanism: str) -> ScramVerifier | Deferred[ScramVerifier]:
        """
        Return the verifier of a user (`txsmtpx.interfaces.IScramBackend`).

        Args:
            username: The user name.
            mechanism: Such as SCRAM-SHA-256, without -PLUS.

        Returns:
            The verifier; for an unknown user one that looks like those in the file.
        """
        return then(self._file.current(), lambda content: _verifier(content, username, mechanism))

    def requestAvatarId(self, credentials: Username) -> Deferred[bytes | tuple[()]]:
        """
        Return the user name, if the credentials are right.

        Args:
            credentials: A proof by SCRAM, which has been verified; or the user name and the password.

        Returns:
            The user name.

        Raises:
            UnauthorizedLogin: The user is unknown, or the password is wrong; the Deferred fails.
        """
        if IScramProof.providedBy(credentials):
            return succeed(credentials.username)
        return Deferred.fromCoroutine(self._checked(cast(UsernamePasswordLike, credentials)))

    async def _checked(self, credentials: UsernamePasswordLike) -> bytes | tuple[()]:
        current = self._file.current()
        content = await current if isinstance(current, Deferred) else current
        username = credentials.username.decode("utf-8")
        mechanism = _strongest(content, username)
        verifier = _verifier(content, username, mechanism)
        other = await self._hashing.compute(
            verifier_for, mechanism, credentials.password, verifier.salt, verifier.iterations
        )
        if not hmac.compare_digest(other.stored_key, verifier.stored_key):
            raise UnauthorizedLogin()
        return credentials.username


def _verifier(content: _Content, username: str, mechanism: str) -> ScramVerifier:
    """Return the verifier of a user, or one that looks like it for an unknown user."""
    shape = content.usual.get(mechanism, (ITERATIONS, SALT_OCTETS))
    stranger = made_up(content.secret, username, mechanism, *shape)
    return content.verifiers.get((username, mechanism), stranger)


def _strongest(content: _Content, username: str) -> str:
    """Return the strongest mechanism of all users; if there is none, of this user."""
    own = [each for each in HASHES if (username, each) in content.verifiers]
    return (list(content.mechanisms) or own or ["SCRAM-SHA-256"])[-1]
