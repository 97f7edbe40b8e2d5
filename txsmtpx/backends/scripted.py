"""The backend ``scripted``: it keeps messages in memory, and fails as addresses ask for; for tests of clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txsmtpx.backends.failing_address import PreparedFailure, failure_of
from txsmtpx.backends.memory import MAX_MESSAGES, MAX_OCTETS, MemoryBackend, memory_limit
from txsmtpx.backends.session import Session
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, DataContext, Message, Reactor, clock_of

T = TypeVar("T")


class ScriptedBackend(MemoryBackend):
    """
    A `MemoryBackend` that rejects, delays or closes the connection if an address asks for it.

    ``reject-550@example.net`` is rejected by 550, ``slow-3s@example.net`` is accepted after 3 seconds, and so on.
    docs/testing.md lists the addresses.  They work as senders and as recipients.  A message that is accepted for a
    recipient is kept.  Its ``recipients`` are those that were accepted by RCPT.

    Args:
        reactor: The clock of the delays.  None: the global reactor.  A `txsmtpx.testing.MailServer` whose backend is
            this class passes its own reactor.
        max_messages: The most messages that are kept; of more, the oldest are deleted.  None: no limit.
        max_octets: The most octets of memory that the messages take.  None: no limit.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A limit is less than 1.

    Example:
        >>> from txsmtpx.testing import Conversation
        >>> client = Conversation(ScriptedBackend())
        >>> replies = client.ask("HELO me", "MAIL FROM:<a@example.org>", "RCPT TO:<reject-552-5.2.2@example.org>")
        >>> replies[-1]
        '552 5.2.2 Rejected, as the address asks for'
    """

    def __init__(
        self,
        reactor: Reactor | None = None,
        max_messages: int | None = MAX_MESSAGES,
        max_octets: int | None = MAX_OCTETS,
    ) -> None:
        super().__init__(max_messages, max_octets)
        self._reactor = reactor

    def anonymous_login(self, connection: Connection) -> ScriptedSession:
        """
        Return a session for any client.

        Args:
            connection: The connection.

        Returns:
            The session.
        """
        return ScriptedSession(self, connection)

    def later(self, seconds: float, function: Callable[[], T]) -> Deferred[T]:
        """
        Call a function later.

        Args:
            seconds: The delay.
            function: The function.

        Returns:
            A Deferred of its result.
        """
        return deferLater(cast(IReactorTime, clock_of(self._reactor)), seconds, function)


class ScriptedSession(Session):
    """
    The session of a client.  `ScriptedBackend` creates it.

    Args:
        backend: The backend.
        connection: The connection, which ``drop`` closes.
    """

    def __init__(self, backend: ScriptedBackend, connection: Connection) -> None:
        self._backend = backend
        self._connection = connection

    def mail(self, sender: str, options: MailOptions) -> Reply | Deferred[Reply | None] | None:
        """
        Handle MAIL.

        Args:
            sender: The address.
            options: The parameters.

        Returns:
            What the address asks for; None for the usual reply.
        """
        return self._command(failure_of(sender))

    def rcpt(self, recipient: str, options: RcptOptions) -> Reply | Deferred[Reply | None] | None:
        """
        Handle RCPT.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            What the address asks for; None for the usual reply.
        """
        return self._command(failure_of(recipient))

    def _command(self, failure: PreparedFailure | None) -> Reply | Deferred[Reply | None] | None:
        if failure is None or failure.at_end:
            return None
        if failure.drop:
            return self._drop()
        return self._backend.later(failure.seconds, lambda: None) if failure.seconds else failure.reply

    def _drop(self) -> Deferred[Reply | None]:
        """Close the connection, and return a Deferred that the server cancels then."""
        self._connection.abort()
        return Deferred()

    async def data(self, message: Message, context: DataContext) -> Reply | None:
        """
        Handle DATA or BDAT: the addresses that begin with ``data-`` fail after the message has been received.

        Args:
            message: The message.
            context: The envelope, and the outcomes.

        Returns:
            The rejection of the sender; None if only recipients fail.
        """
        content = await message.content()
        of_sender = _at_end(context.sender)
        of_recipients = {position: _at_end(each) for position, each in enumerate(context.recipients)}
        if any(each.drop for each in (of_sender, *of_recipients.values())):
            await self._drop()
        if of_sender.seconds:
            await self._backend.later(of_sender.seconds, lambda: None)
        if of_sender.reply is not None:
            return of_sender.reply
        for position, failure in of_recipients.items():
            if failure.reply is not None:
                context.set_status(position, failure.reply)
            elif failure.seconds:
                context.start_delivery(position, self._backend.later(failure.seconds, lambda: None))
        accepted = [each.reply is None for each in of_recipients.values()]
        if any(accepted) if context.connection.lmtp else all(accepted):
            context.note(kept=self._backend.keep(content, context).id)
        return None


def _at_end(address: str) -> PreparedFailure:
    """Return what an address makes the server do at the end of the message."""
    failure = failure_of(address)
    return failure if failure is not None and failure.at_end else PreparedFailure()


def scripted_backend(argument: str) -> ScriptedBackend:
    """
    Return the backend of ``twistd smtpx --backend scripted``.

    Args:
        argument: The most messages; ``""`` for the default.

    Returns:
        The backend.

    Raises:
        ValueError: The argument is not a number.
    """
    return ScriptedBackend(max_messages=memory_limit("scripted", argument))
