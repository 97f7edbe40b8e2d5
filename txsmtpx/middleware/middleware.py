"""
The base class of middleware: a backend around another one.

It has sessions of `MiddlewareSession`, which may give their messages a `MiddlewareContext`.  Each passes everything on.
A subclass overrides what it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import directlyProvides, providedBy

from txsmtpx.arguments import checked
from txsmtpx.dialog.server_session import no_session
from txsmtpx.errors import auth_unsupported
from txsmtpx.interfaces import BackendLike, Connection, CredentialsBackendLike, Eventual, SessionLike, provides
from txsmtpx.settling import then


class Middleware:
    """
    A backend around another one.

    Logins, credentials, SASL mechanisms and extensions are those of the other backend, and it provides the same
    interfaces.  An attribute that is not declared here is that of the other backend too.

    Args:
        backend: The other backend.

    Attributes:
        backend: The other backend.

    Example:
        ::

            class Greylist(Middleware):
                def session(self, session: SessionLike, connection: Connection) -> SessionLike:
                    return GreylistSession(session, connection)
    """

    @checked
    def __init__(self, backend: BackendLike) -> None:
        self.backend = backend
        directlyProvides(self, providedBy(backend))

    def session(self, session: SessionLike, connection: Connection) -> SessionLike:
        """
        Return the session around a session of the other backend.  Override this.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        return session

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return the session of a user of the other backend.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.
        """
        return self._around(self.backend.login(connection, username, password), connection)

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for a client without AUTH, if the other backend accepts it.

        Args:
            connection: The connection.

        Returns:
            The session.
        """
        return self._around(self.backend.anonymous_login(connection), connection)

    def authenticate(self, connection: Connection, credentials: object) -> Eventual[SessionLike]:
        """
        Return the session for credentials, if the other backend accepts them.

        Args:
            connection: The connection.
            credentials: The credentials.

        Returns:
            The session.

        Raises:
            SMTPError: 502 5.5.1 if the other backend accepts no credentials.
        """
        if not provides(self.backend, CredentialsBackendLike[object]):
            raise auth_unsupported()
        return self._around(self.backend.authenticate(connection, credentials), connection)

    def _around(self, result: Eventual[SessionLike], connection: Connection) -> Eventual[SessionLike]:
        def around(session: SessionLike) -> SessionLike:
            if not hasattr(session, "logout") or isinstance(session, type):
                raise no_session(session, self.backend)
            return self.session(session, connection)

        return then(result, around)

    if not TYPE_CHECKING:  # a type checker would let every attribute pass

        def __getattr__(self, name: str) -> object:
            if name == "backend" or name.startswith("__"):  # not set yet, or asked by Python itself
                raise AttributeError(name)
            return getattr(self.backend, name)
