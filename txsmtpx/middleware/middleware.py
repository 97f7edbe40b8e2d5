"""
A backend around another one: what it does not change is the other's.

`Middleware` has sessions of `MiddlewareSession`, which hand messages on with a `MiddlewareContext` where they must.
Each passes everything through; a subclass overrides what it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import directlyProvides, implementer, providedBy

from txsmtpx.interfaces import Connection, IDataContext, ISession
from txsmtpx.settling import then


class Middleware:
    """
    A backend around another: logins, the credentials that are taken and what the other ``supports`` are the other's.

    Attributes:
        backend: The other.

    Args:
        backend: An `txsmtpx.IBackend`; this provides what that one does.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        directlyProvides(self, providedBy(backend))

    def session(self, session: Any, connection: Connection) -> Any:
        """
        The session that stands before ``session``: override this.

        Args:
            session: An `ISession` of the other backend.
        """
        return session

    def login(self, connection: Connection, username: str, password: str) -> Any:
        """A session for a user of the other backend's."""
        return self._before(self.backend.login(connection, username, password), connection)

    def anonymous_login(self, connection: Connection) -> Any:
        """A session, where the other backend has one for everybody."""
        return self._before(self.backend.anonymous_login(connection), connection)

    def authenticate(self, connection: Connection, credentials: Any) -> Any:
        """A session, where the other backend takes ``credentials``."""
        return self._before(self.backend.authenticate(connection, credentials), connection)

    def _before(self, result: Any, connection: Connection) -> Any:
        return then(result, lambda session: self.session(session, connection))

    def __getattr__(self, name: str) -> Any:
        if name == "backend" or name.startswith("__"):  # it has none yet, or is asked what it can do by itself
            raise AttributeError(name)
        return getattr(self.backend, name)


@implementer(ISession)
class MiddlewareSession:
    """
    A session before another one, with what that has besides, such as ``verify`` and ``supports``.

    Attributes:
        inner: The other.
        connection: Whose it is.
    """

    def __init__(self, inner: Any, connection: Connection) -> None:
        self.inner = inner
        self.connection = connection

    def mail(self, sender: str, options: Any) -> Any:
        """MAIL."""
        return self.inner.mail(sender, options)

    def rcpt(self, recipient: str, options: Any) -> Any:
        """RCPT."""
        return self.inner.rcpt(recipient, options)

    def data(self, message: Any, context: Any) -> Any:
        """DATA."""
        return self.inner.data(message, context)

    def reset(self) -> Any:
        """The transaction is over."""
        return self.inner.reset()

    def logout(self) -> Any:
        """The session is over."""
        return self.inner.logout()

    def __getattr__(self, name: str) -> Any:
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)


@implementer(IDataContext)
class MiddlewareContext:
    """
    A context before another one, which passes on what it is told.

    Attributes:
        outer: The other.
        started: Whether a delivery has begun: it may read the message when ``data`` is over.
    """

    def __init__(self, outer: Any) -> None:
        self.outer = outer
        self.started = False

    def start_delivery(self, recipient: str | int, deferred: Any = None, timeout: float | None = None) -> None:
        """See `IDataContext.start_delivery`."""
        self.started = True
        self.outer.start_delivery(recipient, deferred, timeout)

    def set_status(self, recipient: str | int, status: Any = None) -> bool:
        """See `IDataContext.set_status`."""
        return bool(self.outer.set_status(recipient, status))

    @property
    def late(self) -> Callable[[str, Any], None] | None:
        """Told of outcomes that came too late, by those contexts that have this."""
        told: Callable[[str, Any], None] | None = self.outer.late
        return told

    @late.setter
    def late(self, told: Callable[[str, Any], None] | None) -> None:
        self.outer.late = told and self._as_here(told)

    def _as_here(self, told: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
        """What the outer context calls in place of ``told``, where a recipient has another name there."""
        return told

    def __getattr__(self, name: str) -> Any:
        if name == "outer" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.outer, name)
