"""Logins by `twisted.cred`: the avatar is the session, and its logout is the logout of the session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer
from zope.interface.interface import InterfaceClass

from txsmtpx.arguments import checked
from txsmtpx.errors import auth_required
from txsmtpx.interfaces import (
    BackendLike,
    Connection,
    Eventual,
    ICredentialsBackend,
    ISession,
    MechanismSupport,
    ScramBackend,
    ScramMechanisms,
    SessionLike,
    TokenRefusal,
    provides,
)
from txsmtpx.sasl.mechanism import Mechanism, UsernamePassword
from txsmtpx.sasl.scram_proof import IScramProof
from txsmtpx.sasl.scram_verifier import HASHES, ScramVerifier
from txsmtpx.setting import shown
from txsmtpx.settling import then

Avatar: TypeAlias = tuple[type[Interface], object, Callable[[], None]]
"""What a realm returns: an interface, an object that provides it, and the function that ends it."""


@implementer(ISession)
class AvatarSession:
    """
    The session that an avatar is, with the logout of its realm.  What else the avatar has is available too.

    Args:
        avatar: The avatar, which provides `ISession`.
        logout: The function that the realm has returned.

    Attributes:
        avatar: The avatar.
    """

    def __init__(self, avatar: SessionLike, logout: Callable[[], object]) -> None:
        self.avatar = avatar
        self.mail = avatar.mail
        self.rcpt = avatar.rcpt
        self.data = avatar.data
        self.reset = avatar.reset
        self.logout = logout

    if not TYPE_CHECKING:  # a type checker would let every attribute pass

        def __getattr__(self, name: str) -> object:
            if name == "avatar" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(self.avatar, name)


@implementer(ICredentialsBackend)
class PortalBackend:
    """
    A backend with the sessions of a portal.  It has every SASL mechanism whose credentials the checkers accept.

    The realm is asked for `ISession`; the mind is the `txsmtpx.Connection`.

    Args:
        portal: The portal.

    Attributes:
        mechanisms: Further mechanisms: those of the checker that has some, as `DovecotChecker` has.
        token_refusal: The error for a client whose token is rejected, from the checker of tokens (`ITokenRefusal`).

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        >>> from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
        >>> from txsmtpx import MemoryBackend
        >>> users = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
        >>> backend = PortalBackend(Portal(BackendRealm(MemoryBackend()), [users]))
    """

    mechanisms: Sequence[Mechanism] = ()
    token_refusal: Mapping[str, str] = MappingProxyType({})

    @checked
    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        for checker in portal.checkers.values():
            if provides(checker, MechanismSupport[Mechanism]):
                self.mechanisms = checker.mechanisms
            if provides(checker, TokenRefusal):
                self.token_refusal = checker.token_refusal

    @property
    def credential_interfaces(self) -> Collection[InterfaceClass]:
        """The credential interfaces that the checkers of the portal accept."""
        return tuple(self._portal.listCredentialsInterfaces())

    def authenticate(self, connection: Connection, credentials: ICredentials) -> Deferred[AvatarSession]:
        """
        Return the session for credentials.

        Args:
            connection: The connection.
            credentials: The credentials.

        Returns:
            The session.

        Raises:
            UnauthorizedLogin: The credentials are wrong; the Deferred fails.
        """
        return self._portal.login(credentials, connection, ISession).addCallback(_session)

    @property
    def scram_mechanisms(self) -> Collection[str]:
        """The SCRAM mechanisms for which the checker has verifiers."""
        checker = self._scram_checker
        if provides(checker, ScramMechanisms):
            return checker.scram_mechanisms
        return HASHES if checker is not None else ()

    def scram_verifier(self, username: str, mechanism: str) -> Eventual[ScramVerifier | None]:
        """
        Return the SCRAM verifier of a user, from the checker.

        Args:
            username: The user name.
            mechanism: Such as SCRAM-SHA-256, without -PLUS.

        Returns:
            The verifier; None if the user is unknown.
        """
        checker = self._scram_checker
        return None if checker is None else checker.scram_verifier(username, mechanism)

    @property
    def _scram_checker(self) -> ScramBackend[ScramVerifier] | None:
        checker = self._portal.checkers.get(IScramProof)
        return checker if provides(checker, ScramBackend[ScramVerifier]) else None

    def login(self, connection: Connection, username: str, password: str) -> Deferred[AvatarSession]:
        """
        Return the session of a user, by `authenticate`.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.
        """
        credentials = UsernamePassword(username.encode("utf-8"), password.encode("utf-8"))
        return self.authenticate(connection, cast(ICredentials, credentials))

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session of the anonymous avatar.

        Args:
            connection: The connection.

        Returns:
            The session.

        Raises:
            SMTPError: 530 5.7.0 if the portal has no checker for `IAnonymous`.
        """
        if IAnonymous not in self.credential_interfaces:
            raise auth_required()
        return self.authenticate(connection, Anonymous())


def _session(login: Avatar) -> AvatarSession:
    is_triple = isinstance(login, tuple) and len(login) == 3
    if not is_triple or not hasattr(login[1], "mail") or isinstance(login[1], type) or not callable(login[2]):
        raise TypeError(f"the realm must return (ISession, session, logout function), not {shown(login)}")
    _, avatar, logout = login
    return AvatarSession(cast(SessionLike, avatar), logout)


@implementer(IRealm)
class BackendRealm:
    """
    A realm that makes any backend usable behind a portal; see `PortalBackend`.

    Every user gets a session from ``anonymous_login`` of the backend.

    Args:
        backend: The backend.

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        >>> from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
        >>> from txsmtpx import MemoryBackend
        >>> portal = Portal(BackendRealm(MemoryBackend()), [InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")])
    """

    @checked
    def __init__(self, backend: BackendLike) -> None:
        self._backend = backend

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> Avatar | Deferred[Avatar]:
        """
        Return a session as an avatar.

        Args:
            avatarId: The user; all get the same.
            mind: The `txsmtpx.Connection`.
            interfaces: `ISession` among them.

        Returns:
            The interface, the session and its logout.

        Raises:
            NotImplementedError: `ISession` is not among the interfaces.
        """
        if ISession not in interfaces:
            raise NotImplementedError("this realm has avatars for ISession only")
        session = self._backend.anonymous_login(cast(Connection, mind))
        return then(session, lambda found: cast(Avatar, (ISession, found, found.logout)))
