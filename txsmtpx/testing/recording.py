"""A backend that records its calls, and returns prepared results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from txsmtpx.arguments import checked
from txsmtpx.backends.received import Received
from txsmtpx.errors import auth_failed
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.interfaces import (
    Answer,
    Connection,
    DataContext,
    Eventual,
    ICredentialsBackend,
    ISession,
    Message,
    Outcome,
    SessionLike,
    UsernamePasswordLike,
)


class BackendCrash(Exception):
    """A defect of a backend, on purpose.  Its text has to be in the log, and never in a reply."""


class PreparedResults(TypedDict, total=False):
    """
    The result of each method of a `RecordingBackend` and its sessions.

    A result is a value, a Deferred, an exception or `Failure` (which is raised), a function of the arguments that
    returns one of these, or a list of these, one for each call, and then None.  A method reads its message before its
    result, unless that is a function.
    """

    anonymous_login: object
    login: object
    mail: object
    rcpt: object
    data: object
    reset: object
    logout: object
    verify: object
    expand: object


@implementer(ICredentialsBackend)
class RecordingBackend:
    """
    A backend that records its calls, and returns prepared results.

    Args:
        users: The passwords by user name.  Without any, AUTH is not advertised.
        outcomes: The results by method; see `PreparedResults`.

    Attributes:
        outcomes: The results by method, which may be changed.
        calls: The method and the arguments of each call, for all sessions.
        messages: A `txsmtpx.backends.received.Received` for each message that was read to its end.
        sessions: The sessions.

    Raises:
        TypeError: There is no such method.

    Example:
        >>> from txsmtpx import Reply
        >>> from txsmtpx.testing import Conversation
        >>> backend = RecordingBackend(rcpt=Reply(550, (5, 1, 1), "Unknown user"))
        >>> Conversation(backend).ask("HELO me", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>")[-1]
        '550 5.1.1 Unknown user'
        >>> backend.calls[-1][:2]
        ('rcpt', 'b@example.org')
    """

    @checked
    def __init__(self, users: Mapping[str, str] | None = None, **outcomes: Unpack[PreparedResults]) -> None:
        self.users: dict[str, str] = dict(users or {})
        self.credential_interfaces: Collection[InterfaceClass] = (IUsernamePassword,) if users else ()
        self.outcomes: dict[str, Any] = {**outcomes}
        self.calls: list[tuple[Any, ...]] = []
        self.messages: list[Received] = []
        self.sessions: list[RecordingSession] = []

    @property
    def methods(self) -> list[str]:
        """The method of each call, in order."""
        return [call[0] for call in self.calls]

    def asked(self, method: str, *arguments: object) -> object:
        """
        Record a call, and return the prepared result.

        Args:
            method: The method.
            arguments: Its arguments.

        Returns:
            The result.
        """
        self.calls.append((method, *arguments))
        outcome = self.prepared(method)
        return _raised(outcome(*arguments) if callable(outcome) else outcome)

    def prepared(self, method: str) -> object:
        """
        Take the next prepared result of a method.

        Args:
            method: The method.

        Returns:
            The result as it was prepared.
        """
        outcome = self.outcomes.get(method)
        if isinstance(outcome, list):
            return outcome.pop(0) if outcome else None
        return outcome

    async def keep(self, message: Message, context: DataContext, outcome: object = None) -> Outcome:
        """
        Read a message to its end, and keep it.

        Args:
            message: The message.
            context: The envelope.
            outcome: The prepared result.

        Returns:
            The result.
        """
        content = await message.content()
        self.messages.append(Received.of(context, content, len(self.messages) + 1, time.time()))
        outcome = _raised(outcome)
        return cast(Outcome, await outcome if isinstance(outcome, Deferred) else outcome)

    def anonymous_login(self, connection: Connection) -> Eventual[SessionLike]:
        """
        Return a session, or the prepared result.

        Args:
            connection: The connection.

        Returns:
            The session.
        """
        return self._with_session(self.asked("anonymous_login", connection))

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return a session for the right password, or the prepared result.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.

        Raises:
            SMTPError: 535 5.7.8 for a wrong password.
        """
        outcome = self.asked("login", connection, username, password)
        if self.users.get(username) != password:
            raise auth_failed()
        return self._with_session(outcome)

    def authenticate(self, connection: Connection, credentials: UsernamePasswordLike) -> Eventual[SessionLike]:
        """
        Return a session, by `login`.

        Args:
            connection: The connection.
            credentials: The user name and the password.

        Returns:
            The session.
        """
        return self.login(connection, credentials.username.decode(), credentials.password.decode("utf-8", "replace"))

    def _with_session(self, outcome: object) -> Eventual[SessionLike]:
        if isinstance(outcome, Deferred):
            return cast(Deferred[SessionLike], outcome.addCallback(self._with_session))
        if outcome is None:
            outcome = RecordingSession(self)
            self.sessions.append(outcome)
        return cast(SessionLike, outcome)


def _raised(outcome: object) -> object:
    """Raise a result that is an exception, and return any other."""
    if isinstance(outcome, Failure):
        outcome.raiseException()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@implementer(ISession)
class RecordingSession:
    """
    A session of `RecordingBackend`.  It has ``verify`` and ``expand`` if a result of theirs is prepared.

    Args:
        backend: The backend, which records the calls.

    Attributes:
        resets: The calls of `reset`.
        logouts: The calls of `logout`.
    """

    def __init__(self, backend: RecordingBackend) -> None:
        self._backend = backend
        self.resets: int = 0
        self.logouts: int = 0

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        """
        Record MAIL.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            The prepared result.
        """
        return cast(Answer, self._backend.asked("mail", sender, options))

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        """
        Record RCPT.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            The prepared result.
        """
        return cast(Answer, self._backend.asked("rcpt", recipient, options))

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        """
        Record DATA: read and keep the message, unless a function is prepared.

        Args:
            message: The message.
            context: The envelope.

        Returns:
            The prepared result.
        """
        self._backend.calls.append(("data", message, context))
        outcome = self._backend.prepared("data")
        if callable(outcome):
            return cast(Outcome, outcome(message, context))
        return self._backend.keep(message, context, outcome)

    def reset(self) -> object:
        """
        Record the end of the transaction.

        Returns:
            The prepared result.
        """
        self.resets += 1
        return self._backend.asked("reset")

    def logout(self) -> object:
        """
        Record the end of the session.

        Returns:
            The prepared result.
        """
        self.logouts += 1
        return self._backend.asked("logout")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., object]:
            if name in ("verify", "expand") and name in self._backend.outcomes:
                return partial(self._backend.asked, name)
            raise AttributeError(name)
