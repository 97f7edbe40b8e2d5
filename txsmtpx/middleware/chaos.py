"""Middleware that makes commands fail or wait on demand, for tests of clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txsmtpx.errors import SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    Answer,
    BackendLike,
    Connection,
    DataContext,
    Eventual,
    Message,
    Outcome,
    Reactor,
    SessionLike,
    clock_of,
)
from txsmtpx.middleware.middleware import Middleware
from txsmtpx.middleware.middleware_session import MiddlewareSession
from txsmtpx.settling import settle

T = TypeVar("T")

ChaosCommand = Literal["MAIL", "RCPT", "DATA", "AUTH"]
"""A command that can fail.  DATA stands for BDAT too."""

FaultOf = Callable[[ChaosCommand, Sequence[str]], tuple[float, Reply | None]]
"""
A function of the command and its addresses: the sender, the recipient, all recipients; none for AUTH.

It returns the seconds that the command waits, and the reply that rejects it; None for the reply of the backend.
"""


class ChaosBackend(Middleware):
    """
    A backend whose commands fail on demand.

    Args:
        backend: The other backend.
        fault: It is called for each command.
        reactor: The clock of the delays.  None: the global reactor.

    Example:
        >>> from txsmtpx import MemoryBackend
        >>> from txsmtpx.testing import Conversation
        >>> full = Reply(452, (4, 2, 2), "Mailbox full")
        >>> backend = ChaosBackend(MemoryBackend(), lambda command, addresses: (0, full if command == "RCPT" else None))
        >>> Conversation(backend).ask("HELO me", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>")[-1]
        '452 4.2.2 Mailbox full'
    """

    def __init__(self, backend: BackendLike, fault: FaultOf, reactor: Reactor | None = None) -> None:
        super().__init__(backend)
        self._fault = fault
        self._reactor = reactor

    def session(self, session: SessionLike, connection: Connection) -> SessionLike:
        """
        Return the session whose commands fail.

        Args:
            session: The session of the other backend.
            connection: The connection.

        Returns:
            The session.
        """
        return _ChaosSession(session, connection, self)

    def login(self, connection: Connection, username: str, password: str) -> Eventual[SessionLike]:
        """
        Return the session of a user, unless AUTH fails.

        Args:
            connection: The connection.
            username: The user name.
            password: The password.

        Returns:
            The session.
        """
        return self.after("AUTH", [], lambda: super(ChaosBackend, self).login(connection, username, password))

    def authenticate(self, connection: Connection, credentials: object) -> Eventual[SessionLike]:
        """
        Return the session for credentials, unless AUTH fails.

        Args:
            connection: The connection.
            credentials: The credentials.

        Returns:
            The session.
        """
        return self.after("AUTH", [], lambda: super(ChaosBackend, self).authenticate(connection, credentials))

    def after(self, command: ChaosCommand, addresses: Sequence[str], act: Callable[[], Eventual[T]]) -> Eventual[T]:
        """
        Execute a command, unless it fails.

        Args:
            command: The command.
            addresses: Its addresses.
            act: It executes the command.

        Returns:
            The result of ``act``, maybe later.

        Raises:
            SMTPError: The command fails.
        """
        seconds, reply = self._fault(command, addresses)

        def outcome() -> T | Deferred[T]:
            if reply is not None:
                raise SMTPError.from_reply(reply)
            return settle(act())

        if not seconds:
            return outcome()
        waited: Deferred[None] = deferLater(cast(IReactorTime, clock_of(self._reactor)), seconds)
        return waited.addCallback(lambda _: outcome())


class _ChaosSession(MiddlewareSession):
    def __init__(self, inner: SessionLike, connection: Connection, backend: ChaosBackend) -> None:
        super().__init__(inner, connection)
        self._backend = backend

    def mail(self, sender: str, options: MailOptions) -> Eventual[Answer]:
        return self._backend.after("MAIL", [sender], lambda: self.inner.mail(sender, options))

    def rcpt(self, recipient: str, options: RcptOptions) -> Eventual[Answer]:
        return self._backend.after("RCPT", [recipient], lambda: self.inner.rcpt(recipient, options))

    def data(self, message: Message, context: DataContext) -> Eventual[Outcome]:
        return self._backend.after("DATA", context.recipients, lambda: self.inner.data(message, context))
