"""
What users make their sessions and backends from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from zope.interface import implementer

from txsmtpx.dialog.extension import Extension
from txsmtpx.errors import auth_required, auth_unsupported
from txsmtpx.extensions import registry
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import Connection, ICredentialsBackend, ISession


@implementer(ISession)
class Session:
    """
    Says yes to what is not overridden; see `ISession` for what may be given back.

    A subclass with a method ``verify`` answers VRFY (`txsmtpx.IVerifyingSession`), one with ``expand`` answers EXPN
    (`txsmtpx.IExpandingSession`).

    Attributes:
        supports: The extensions that need a backend and whose promises this one keeps, such as DSN.
    """

    supports: Collection[Extension] = ()

    def mail(self, sender: str, options: MailOptions) -> Any:
        """MAIL."""

    def rcpt(self, recipient: str, options: RcptOptions) -> Any:
        """RCPT."""

    def data(self, message: Any, context: Any) -> Any:
        """DATA; a message that nobody reads is thrown away."""

    def reset(self) -> Any:
        """The transaction is over."""

    def logout(self) -> Any:
        """The session is over."""


@implementer(ICredentialsBackend)
class OpenBackend:
    """
    Lets everybody in and knows no logins; so AUTH is not offered.

    Args:
        session: Makes an `ISession` for a connection.  EHLO comes before there is one: if this is a class, what its
            sessions support is known then, VRFY and EXPN by their methods.  If it is a function, set ``supports``.
    """

    credential_interfaces: tuple[Any, ...] = ()
    supports: Collection[Extension] = ()

    def __init__(self, session: Callable[[Connection], Any]) -> None:
        self._session = session
        self.supports = registry.declared_by(getattr(session, "func", session)) or self.supports  # of functools.partial

    def anonymous_login(self, connection: Connection) -> Any:
        """A session for everybody."""
        return self._session(connection)

    def login(self, connection: Connection, username: str, password: str) -> Any:
        """
        Raises:
            SMTPError: Always.
        """
        raise auth_unsupported()

    def authenticate(self, connection: Connection, credentials: Any) -> Any:
        """
        Raises:
            SMTPError: Always.
        """
        raise auth_unsupported()


@implementer(ICredentialsBackend)
class LoginBackend:
    """For names and passwords: override `login`, and `anonymous_login` where mail without AUTH is wanted."""

    credential_interfaces: tuple[Any, ...] = (IUsernamePassword,)

    def login(self, connection: Connection, username: str, password: str) -> Any:
        """
        Give the `ISession` of a user.

        Raises:
            SMTPError: `txsmtpx.errors.auth_failed`, wrong name or password.
        """
        raise auth_unsupported()

    def anonymous_login(self, connection: Connection) -> Any:
        """
        Give an `ISession` to a peer without a login.

        Raises:
            SMTPError: `txsmtpx.errors.auth_required`, unless overridden.
        """
        raise auth_required()

    def authenticate(self, connection: Connection, credentials: Any) -> Any:
        """`login`, by `txsmtpx.interfaces.ICredentialsBackend`."""
        username = credentials.username.decode("utf-8")
        return self.login(connection, username, credentials.password.decode("utf-8", "replace"))
