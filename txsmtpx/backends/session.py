"""The base classes of sessions and backends."""

from __future__ import annotations

import inspect
from collections.abc import Collection

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from txsmtpx.arguments import checked
from txsmtpx.dialog.extension import Extension
from txsmtpx.errors import auth_required, auth_unsupported
from txsmtpx.extensions import registry
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import (
    Answer,
    Connection,
    DataContext,
    Eventual,
    ICredentialsBackend,
    IExtensionSupport,
    ISession,
    Message,
    Outcome,
    SessionLike,
    SessionMaker,
    UsernamePasswordLike,
)


@implementer(ISession, IExtensionSupport)
class Session:
    """
    A session that accepts all mail, and discards it.  Override what is different; see `ISession` for the results.

    A subclass with a method ``verify`` answers VRFY (`txsmtpx.IVerifyingSession`), one with ``expand`` answers EXPN
    (`txsmtpx.IExpandingSession`).

    Attributes:
        supports: The extensions that need a backend and whose promises this one keeps, such as DSN.  Default: none.

    Example:
        ::

            class Maildrop(Session):
                async def data(self, message: Message, context: DataContext) -> None:
                    print(await message.content())
    """

    supports: Collection[Extension] = ()

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Handle MAIL.

        Args:
            sender: The address; ``""`` for the null reverse-path.
            options: The parameters.

        Returns:
            None for the usual 250, or a reply.
        """

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Handle RCPT.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            None for the usual 250, or a reply.
        """

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """
        Handle DATA or BDAT.  A message that is not read is discarded.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The outcome for each recipient without one of its own.
        """

    def reset(self) -> object:
        """
        End the transaction.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """

    def logout(self) -> object:
        """
        End the session.

        Returns:
            Ignored; the server waits for a Deferred or coroutine.
        """


@implementer(ICredentialsBackend, IExtensionSupport)
class OpenBackend:
    """
    A backend that accepts every client, and no login: AUTH is not advertised.

    EHLO comes before there is a session.  If ``session`` is a class, what its sessions support is known then, and VRFY
    and EXPN by their methods.  If it is a function, set ``supports``.

    Attributes:
        credential_interfaces: None.
        supports: The extensions whose promises the sessions keep.

    Args:
        session: A class of sessions that is called with the connection.  Or a function of the connection that returns a
            session, a Deferred or a coroutine.

    Raises:
        TypeError: ``session`` cannot be called with a connection.

    Example:
        >>> backend = OpenBackend(lambda connection: Session())
        >>> OpenBackend(Session)
        Traceback (most recent call last):
        TypeError: OpenBackend: Session does not take a connection: write OpenBackend(lambda connection: Session())
    """

    credential_interfaces: Collection[InterfaceClass] = ()
    supports: Collection[Extension] = ()

    @checked
    def __init__(self, session: SessionMaker) -> None:
        if not _takes_connection(session):
            name = getattr(session, "__name__", "session")
            made = f"{name}()" if isinstance(session, type) else "..."
            fix = f"write OpenBackend(lambda connection: {made})"
            raise TypeError(f"OpenBackend: {name} does not take a connection: {fix}")
        self._session = session
        self.supports = registry.declared_by(getattr(session, "func", session)) or self.supports  # of functools.partial

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for any client.

        Args:
            connection: The connection.

        Returns:
            The session.
        """
        return self._session(connection)

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Refuse a login.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            Nothing.

        Raises:
            SMTPError: Always.
        """
        raise auth_unsupported()

    def authenticate(self, connection: Connection, credentials: object) -> Eventual[SessionLike]:
        """
        Refuse credentials.

        Args:
            connection: The connection.
            credentials: The credentials.

        Returns:
            Nothing.

        Raises:
            SMTPError: Always.
        """
        raise auth_unsupported()


def _takes_connection(session: SessionMaker) -> bool:
    """Return whether a function can be called with one argument, as far as Python knows its arguments."""
    try:
        inspect.signature(session).bind(object())
    except TypeError:
        return False
    except ValueError:  # of a function in C
        return True
    return True


@implementer(ICredentialsBackend)
class LoginBackend:
    """
    A backend for user names and passwords.

    Override `login`, and `anonymous_login` if mail without AUTH is accepted.

    Attributes:
        credential_interfaces: The credentials that the mechanisms PLAIN and LOGIN lead to.

    Example:
        ::

            class Users(LoginBackend):
                def login(self, connection: Connection, username: str, password: str) -> Session:
                    if (username, password) != ("me", "secret"):
                        raise auth_failed()
                    return Session()
    """

    credential_interfaces: Collection[InterfaceClass] = (IUsernamePassword,)

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return the session of a user.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.

        Raises:
            SMTPError: `txsmtpx.errors.auth_failed` for a wrong user name or password.
        """
        raise auth_unsupported()

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for a client without AUTH.

        Args:
            connection: The connection.

        Returns:
            The session.

        Raises:
            SMTPError: `txsmtpx.errors.auth_required`, unless this is overridden.
        """
        raise auth_required()

    def authenticate(self, connection: Connection, credentials: UsernamePasswordLike) -> Eventual[SessionLike]:
        """
        Return the session for credentials, by `login`.

        Args:
            connection: The connection.
            credentials: The user name and the password.

        Returns:
            The session.
        """
        username = credentials.username.decode("utf-8")
        return self.login(connection, username, credentials.password.decode("utf-8", "replace"))
