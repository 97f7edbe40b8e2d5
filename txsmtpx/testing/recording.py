"""
A backend that remembers what it was asked, and answers what it was told to.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.backends.memory import Received
from txsmtpx.errors import auth_failed
from txsmtpx.interfaces import Connection, ICredentialsBackend, ISession


class BackendCrash(Exception):
    """A backend that breaks on purpose; its text must reach the log, never the peer."""


@implementer(ICredentialsBackend)
class RecordingBackend:
    """
    Remembers what it is asked, and answers what it was told to.

    Attributes:
        outcomes: Method to what comes of it: a value, a Deferred, an exception or `Failure` (raised), a
            function of the arguments giving one of these, or a list of these, one a call and then ``None``.  A ``data``
            has read its message before this, unless its outcome is a function.
        calls: (method, argument, ...) for each call, of all sessions.
        messages: A `Received` for each message read to its end.
        sessions: Each that was given.

    Args:
        users: Names to passwords; without any, AUTH is not offered.
    """

    def __init__(self, users: Mapping[str, str] | None = None, **outcomes: Any) -> None:
        self.users = dict(users or {})
        self.credential_interfaces: tuple[Any, ...] = (IUsernamePassword,) if users else ()
        self.outcomes = outcomes
        self.calls: list[tuple[Any, ...]] = []
        self.messages: list[Received] = []
        self.sessions: list[RecordingSession] = []

    @property
    def methods(self) -> list[str]:
        """The name of the method of each call, in order."""
        return [call[0] for call in self.calls]

    def asked(self, method: str, *arguments: Any) -> Any:
        """``method`` was called: remember it, and give what was prepared for it."""
        self.calls.append((method, *arguments))
        outcome = self.prepared(method)
        return _come_true(outcome(*arguments) if callable(outcome) else outcome)

    def prepared(self, method: str) -> Any:
        """Take the next outcome of ``method``."""
        outcome = self.outcomes.get(method)
        if isinstance(outcome, list):
            return outcome.pop(0) if outcome else None
        return outcome

    async def keep(self, message: Any, context: Any, outcome: Any = None) -> Any:
        """Read the message to its end and keep it."""
        content = await message.content()
        self.messages.append(Received.of(context, content, len(self.messages) + 1, time.time()))
        outcome = _come_true(outcome)
        return await outcome if isinstance(outcome, Deferred) else outcome

    def anonymous_login(self, connection: Connection) -> Any:
        """A session, or what was prepared."""
        return self._with_session(self.asked("anonymous_login", connection))

    def login(self, connection: Connection, username: str, password: str) -> Any:
        """A session for the right password, or what was prepared."""
        outcome = self.asked("login", connection, username, password)
        if self.users.get(username) != password:
            raise auth_failed()
        return self._with_session(outcome)

    def authenticate(self, connection: Connection, credentials: Any) -> Any:
        """See `login`."""
        return self.login(connection, credentials.username.decode(), credentials.password.decode("utf-8", "replace"))

    def _with_session(self, outcome: Any) -> Any:
        if isinstance(outcome, Deferred):
            return outcome.addCallback(self._with_session)
        if outcome is None:
            outcome = RecordingSession(self)
            self.sessions.append(outcome)
        return outcome


def _come_true(outcome: Any) -> Any:
    if isinstance(outcome, Failure):
        outcome.raiseException()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@implementer(ISession)
class RecordingSession:
    """
    A session of `RecordingBackend`, to which it tells everything.

    It has ``verify`` and ``expand`` where an outcome of theirs is prepared.
    """

    def __init__(self, backend: RecordingBackend) -> None:
        self._backend = backend
        self.resets = self.logouts = 0

    def mail(self, sender: str, options: Any) -> Any:
        """MAIL."""
        return self._backend.asked("mail", sender, options)

    def rcpt(self, recipient: str, options: Any) -> Any:
        """RCPT."""
        return self._backend.asked("rcpt", recipient, options)

    def data(self, message: Any, context: Any) -> Any:
        """DATA: reads and keeps the message, unless a function was prepared."""
        self._backend.calls.append(("data", message, context))
        outcome = self._backend.prepared("data")
        return outcome(message, context) if callable(outcome) else self._backend.keep(message, context, outcome)

    def reset(self) -> Any:
        """The transaction is over."""
        self.resets += 1
        return self._backend.asked("reset")

    def logout(self) -> Any:
        """The session is over."""
        self.logouts += 1
        return self._backend.asked("logout")

    def __getattr__(self, name: str) -> Any:
        if name in ("verify", "expand") and name in self._backend.outcomes:
            return partial(self._backend.asked, name)
        raise AttributeError(name)
