"""
A backend: it gives each client a session.

`IBackend` is all that a backend needs.  The other interfaces are optional.  The server asks whether a backend provides
them by their types, so a backend that has the attributes need not declare the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twisted.application.service import IService
from zope.interface import Attribute, Interface
from zope.interface.interface import InterfaceClass

from txsmtpx.interfaces.connection import Connection
from txsmtpx.interfaces.session import SessionLike
from txsmtpx.settling import Eventual

C = TypeVar("C", contravariant=True)
M = TypeVar("M", covariant=True)
V = TypeVar("V", covariant=True)


class IBackend(Interface):
    """
    The destination of mail: it gives each client a session.

    `txsmtpx.LoginBackend`, `txsmtpx.OpenBackend` and `txsmtpx.PortalBackend` provide it.

    Example:
        A backend that accepts one user, and mail of no other client::

            class Backend(LoginBackend):
                def login(self, connection: Connection, username: str, password: str) -> Session:
                    if (username, password) != ("me", "secret"):
                        raise auth_failed()
                    return Session()

                def anonymous_login(self, connection: Connection) -> Session:
                    raise auth_required()
    """

    def login(connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return the session of a user who authenticates by AUTH (RFC 4954).

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.

        Raises:
            SMTPError: `txsmtpx.errors.auth_failed` for wrong credentials.
        """

    def anonymous_login(connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for a client that sends MAIL without AUTH.

        Args:
            connection: The connection.

        Returns:
            The session.

        Raises:
            SMTPError: `txsmtpx.errors.auth_required` if authentication is required.
        """


class BackendLike(Protocol):
    """The type of `IBackend`, for type checkers without a plugin for zope.interface."""

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return the session of a user who authenticates by AUTH.  See `IBackend.login`.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.
        """

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session for a client without AUTH.  See `IBackend.anonymous_login`.

        Args:
            connection: The connection.

        Returns:
            The session.
        """


class ICredentialsBackend(IBackend):
    """
    A backend that accepts credentials of `twisted.cred`, and so decides which SASL mechanisms are advertised.

    Example:
        A server whose users a `twisted.cred` portal authenticates::

            factory = SMTPServerFactory(PortalBackend(portal))
    """

    credential_interfaces: Collection[InterfaceClass] = Attribute(
        "The credential interfaces that `authenticate` accepts.  A mechanism with others is not advertised."
    )

    def authenticate(connection: Connection, credentials: Any) -> Eventual[SessionLike]:
        """
        Return the session for credentials.

        Args:
            connection: The connection.
            credentials: They provide one of `credential_interfaces`, which also decide their type.

        Returns:
            The session.

        Raises:
            UnauthorizedLogin: They are wrong (`twisted.cred.error`); the reply is 535 5.7.8.
        """


class CredentialsBackendLike(BackendLike, Protocol[C]):
    """The type of `ICredentialsBackend`, generic in the class of the credentials."""

    @property
    def credential_interfaces(self) -> Collection[InterfaceClass]:
        """The credential interfaces that `authenticate` accepts."""

    def authenticate(self, connection: Connection, credentials: C) -> Eventual[SessionLike]:
        """
        Return the session for credentials.  See `ICredentialsBackend.authenticate`.

        Args:
            connection: The connection.
            credentials: They provide one of `credential_interfaces`.

        Returns:
            The session.
        """


class UsernamePasswordLike(Protocol):
    """The type of `twisted.cred.credentials.IUsernamePassword`, as the server gives it to a backend."""

    @property
    def username(self) -> bytes:
        """The user name, in UTF-8."""

    @property
    def password(self) -> bytes:
        """The password."""


class IMechanismSupport(Interface):
    """Optional, for a backend with SASL mechanisms of its own."""

    mechanisms: Sequence[object] = Attribute("The mechanisms, each a `txsmtpx.sasl.mechanism.Mechanism`.")


class MechanismSupport(Protocol[M]):
    """The type of `IMechanismSupport`, generic in the class of the mechanisms."""

    @property
    def mechanisms(self) -> Sequence[M]:
        """The mechanisms."""


class ITokenRefusal(Interface):
    """Optional, for a backend or a checker of access tokens: what a client learns whose token is rejected."""

    token_refusal: Mapping[str, str] = Attribute(
        "Further members of the error in JSON (RFC 7628 §3.2.2), such as scope and openid-configuration."
    )


class TokenRefusal(Protocol):
    """The type of `ITokenRefusal`."""

    @property
    def token_refusal(self) -> Mapping[str, str]:
        """Further members of the error in JSON."""


class IActingAsBackend(Interface):
    """Optional, for a backend that allows a user to act as another (RFC 4616).  Otherwise it is not allowed."""

    def may_act_as(username: str, authorization: str) -> Eventual[bool]:
        """
        Return whether an authenticated user may act as another.

        Args:
            username: The authenticated user.
            authorization: The other.

        Returns:
            True if it is allowed.
        """


class ActingAsBackend(Protocol):
    """The type of `IActingAsBackend`."""

    def may_act_as(self, username: str, authorization: str) -> Eventual[bool]:
        """
        Return whether an authenticated user may act as another.

        Args:
            username: The authenticated user.
            authorization: The other.

        Returns:
            True if it is allowed.
        """


class IScramMechanisms(Interface):
    """Optional, for a backend that has SCRAM verifiers for some of the mechanisms only."""

    scram_mechanisms: Collection[str] = Attribute("Their names, such as SCRAM-SHA-256; by default all.")


class ScramMechanisms(Protocol):
    """The type of `IScramMechanisms`."""

    @property
    def scram_mechanisms(self) -> Collection[str]:
        """The names of the mechanisms."""


class IScramBackend(Interface):
    """A backend, or a checker, with verifiers for SCRAM (RFC 5802)."""

    def scram_verifier(username: str, mechanism: str) -> Eventual[object]:
        """
        Return the verifier of a user.

        Args:
            username: The user name.
            mechanism: Such as SCRAM-SHA-256, without -PLUS.

        Returns:
            A `txsmtpx.sasl.scram_verifier.ScramVerifier`; None if the user is unknown.
        """


class ScramBackend(Protocol[V]):
    """The type of `IScramBackend`, generic in the class of the verifiers."""

    def scram_verifier(self, username: str, mechanism: str) -> Eventual[V | None]:
        """
        Return the verifier of a user.

        Args:
            username: The user name.
            mechanism: Such as SCRAM-SHA-256, without -PLUS.

        Returns:
            The verifier; None if the user is unknown.
        """


class IOneProcessBackend(Interface):
    """Optional, for a backend that keeps mail in the memory of its process."""

    one_process: bool = Attribute("True: ``twistd smtpx --workers`` refuses the backend.")


class OneProcessBackend(Protocol):
    """The type of `IOneProcessBackend`."""

    @property
    def one_process(self) -> bool:
        """True: ``twistd smtpx --workers`` refuses the backend."""


class IPoolsBackend(Interface):
    """Optional, for a backend with services, such as the pools of a relay.  ``twistd smtpx`` starts and stops them."""

    pools: Sequence[IService] = Attribute("The services.")


class PoolsBackend(Protocol):
    """The type of `IPoolsBackend`."""

    @property
    def pools(self) -> Sequence[IService]:
        """The services."""


class ICheckedBackend(Interface):
    """Optional, for a backend that can be checked without mail, by ``twistd smtpx --check``."""

    def check() -> None:
        """
        Check that mail can be stored.

        Raises:
            OSError: A file or directory cannot be used.
            ValueError: Something else is wrong; the operator gets the text.
        """


class CheckedBackend(Protocol):
    """The type of `ICheckedBackend`."""

    def check(self) -> None:
        """Check that mail can be stored."""


class IAnsweringBackend(Interface):
    """Optional, for a backend that asks a server over the network, by ``twistd smtpx --check``."""

    def ask() -> Eventual[str]:
        """
        Ask the server whether it can be used.

        Returns:
            A part of a sentence about the server, for the operator.

        Raises:
            Exception: It cannot be used; the operator gets the text.
        """


class AnsweringBackend(Protocol):
    """The type of `IAnsweringBackend`."""

    def ask(self) -> Eventual[str]:
        """
        Ask the server whether it can be used.

        Returns:
            A part of a sentence about the server, for the operator.
        """


SessionMaker = Callable[[Connection], Eventual[SessionLike]]
"""A class of sessions, or a function of the connection that returns one."""
