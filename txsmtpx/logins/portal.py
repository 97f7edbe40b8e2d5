"""
Logins by `twisted.cred`: the avatar is the session, its logout the session's logout.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from twisted.cred.credentials import Anonymous, IAnonymous
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import implementer

from txsmtpx.errors import auth_required
from txsmtpx.interfaces import Connection, IBackend, ICredentialsBackend, ISession
from txsmtpx.sasl.mechanism import UsernamePassword
from txsmtpx.sasl.scram import IScramProof
from txsmtpx.sasl.scram_verifier import HASHES
from txsmtpx.settling import then


@implementer(ISession)
class AvatarSession:
    """An avatar that provides `ISession`, with the logout that its realm gave along, and what else the avatar has."""

    def __init__(self, avatar: Any, logout: Callable[[], Any]) -> None:
        self.avatar = avatar
        self.mail = avatar.mail
        self.rcpt = avatar.rcpt
        self.data = avatar.data
        self.reset = avatar.reset
        self.logout = logout

    def __getattr__(self, name: str) -> Any:
        if name == "avatar" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.avatar, name)


@implementer(ICredentialsBackend)
class PortalBackend:
    """
    Sessions from a portal, with every mechanism whose credentials its checkers take.

    The realm is asked for `ISession`; the mind is the `Connection`.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    @property
    def credential_interfaces(self) -> tuple[Any, ...]:
        """What the portal's checkers take."""
        return tuple(self._portal.listCredentialsInterfaces())

    def authenticate(self, connection: Connection, credentials: Any) -> Deferred[AvatarSession]:
        """
        Raises:
            UnauthorizedLogin: By the Deferred.
        """
        return self._portal.login(credentials, connection, ISession).addCallback(_session)

    @property
    def scram_mechanisms(self) -> Collection[str]:
        """Those for which the checker of `IScramProof` has verifiers."""
        return getattr(self._scram_checker, "scram_mechanisms", HASHES if self._scram_checker else ())

    def scram_verifier(self, username: str, mechanism: str) -> Any:
        """See `IScramProof`: what the checker of it gives."""
        return self._scram_checker.scram_verifier(username, mechanism)

    @property
    def _scram_checker(self) -> Any:
        checker = self._portal.checkers.get(IScramProof)
        return checker if hasattr(checker, "scram_verifier") else None

    def login(self, connection: Connection, username: str, password: str) -> Deferred[AvatarSession]:
        """`authenticate` by name and password."""
        return self.authenticate(connection, UsernamePassword(username.encode("utf-8"), password.encode("utf-8")))

    def anonymous_login(self, connection: Connection) -> Deferred[AvatarSession]:
        """
        A session of the anonymous avatar.

        Raises:
            SMTPError: 530 5.7.0, the portal has no checker for nobody.
        """
        if IAnonymous not in self.credential_interfaces:
            raise auth_required()
        return self.authenticate(connection, Anonymous())


def _session(login: tuple[Any, Any, Callable[[], Any]]) -> AvatarSession:
    _, avatar, logout = login
    return AvatarSession(avatar, logout)


@implementer(IRealm)
class BackendRealm:
    """Everyone who logs in gets the session that ``backend`` has for anybody: so any backend can have a portal."""

    def __init__(self, backend: IBackend) -> None:
        self._backend = backend

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """An `ISession`, for the connection ``mind``."""
        if ISession not in interfaces:
            raise NotImplementedError("there are only ISession avatars here")
        return then(self._backend.anonymous_login(mind), lambda session: (ISession, session, session.logout))
