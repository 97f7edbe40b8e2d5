"""
A handler that hands each message to a backend, such as a relay or Maildirs.

Each recipient has an outcome of its own, as under LMTP.  A recipient with a 2xx does not get the message again.  For
those with a 4xx the message is tried again, and for those with a 5xx it goes to the dead letter queue.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.arguments import checked
from txsmtpx.consume.consumer import PartlyHandled
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.message import Message, MessageAborted
from txsmtpx.dialog.outcome_reply import accepts, answer, refusal
from txsmtpx.dialog.server_transaction import Transaction
from txsmtpx.dialog.settings import Settings
from txsmtpx.dialog.table import Tables
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import BackendLike, Connection, Reactor, SessionLike, clock_of
from txsmtpx.settling import FAILURES, Eventual, deferred_call

log = Logger(__name__)

PIECE = 64 * 1024
"""Octets of a message that are passed on at a time."""

NAMED = 5
"""Recipients whose replies are in the reason of a remainder."""


class QueuedConnection(Connection):
    """
    The connection by which a message came to the first server.  `BackendHandler` creates it.

    The first server has accepted the message, so a relay sends it to any recipient: `username` is not None.

    Args:
        message: The message.
    """

    repeats = True

    def __init__(self, message: QueuedMessage) -> None:
        envelope = message.envelope
        super().__init__(message.id, envelope.domain, lmtp=True)
        self._protocol = envelope.protocol
        self.helo = envelope.helo
        self.extended = envelope.protocol != "SMTP"
        self.username = envelope.username or ""
        if envelope.peer_host:
            kind = IPv6Address if ":" in envelope.peer_host else IPv4Address
            self.peer = kind("TCP", envelope.peer_host, envelope.peer_port)

    def with_protocol(self, utf8: bool = False) -> str:
        """
        Return the protocol by which the message came.

        Args:
            utf8: Ignored.

        Returns:
            The protocol.
        """
        return self._protocol


class BackendHandler:
    """
    A handler that hands each message to a backend.

    Args:
        backend: The backend, which accepts clients without a login.
        reactor: The reactor.  None: the global one.

    Raises:
        TypeError: An argument has the wrong type.

    Example:
        ::

            consumer = Consumer(source, BackendHandler(RelayBackend(["tcp:mail.example.org:25"])))
    """

    @checked
    def __init__(self, backend: BackendLike, *, reactor: Reactor | None = None) -> None:
        self._backend = backend
        clock: IReactorTime = clock_of(reactor)  # type: ignore[assignment]
        self._settings = Settings(backend=backend, tables=Tables(()), clock=clock, lmtp=True)

    async def __call__(self, message: QueuedMessage) -> None:
        """
        Hand a message to the backend.

        Args:
            message: The message.

        Raises:
            PartlyHandled: The backend has rejected it for some recipients, or for all.
        """
        connection = QueuedConnection(message)
        recipients = message.envelope.recipients
        session: SessionLike | None = None
        try:
            session = await deferred_call(self._backend.anonymous_login, connection)
            outcomes = await _Delivery(message, connection, session, self._settings).outcomes()
        except FAILURES as error:
            if isinstance(error, CancelledError):
                raise
            outcomes = [refusal(Failure(error), message.id, message.envelope.queue_id, "a login")] * len(recipients)
        finally:
            if session is not None:
                await _end(session, message)
        again = [index for index, reply in enumerate(outcomes) if reply.code // 100 not in (2, 5)]
        rejected = [index for index, reply in enumerate(outcomes) if reply.code // 100 == 5]
        failed = sorted([*again, *rejected])
        if failed:
            shown = [f"<{recipients[index].address}> {outcomes[index]}" for index in failed[:NAMED]]
            raise PartlyHandled("; ".join(shown), again=again, rejected=rejected)


class _Delivery:
    """One message with its backend."""

    def __init__(
        self, message: QueuedMessage, connection: Connection, session: SessionLike, settings: Settings
    ) -> None:
        self._message = message
        self._connection = connection
        self._session = session
        self._settings = settings

    async def outcomes(self) -> list[Reply]:
        """Return the reply for each recipient."""
        envelope = self._message.envelope
        options = envelope.mail_options()
        refused = await self._refused("mail", self._session.mail, envelope.sender, options)
        if refused is not None:
            return [refused] * len(envelope.recipients)
        transaction = Transaction(envelope.sender, options, envelope.queue_id, self._connection, self._settings)
        outcomes: list[Reply | None] = []
        for recipient in envelope.recipients:
            outcome = await self._refused("rcpt", self._session.rcpt, recipient.address, recipient.options)
            outcomes.append(outcome)
            if outcome is None:
                transaction.recipients.append(recipient.address)
                transaction.recipient_options.append(recipient.options)
        following = iter(await self._sent(transaction) if transaction.recipients else [])
        return [next(following, replies.LOCAL_ERROR_451) if each is None else each for each in outcomes]

    async def _refused(self, name: str, method: Callable[..., Eventual[object]], *arguments: object) -> Reply | None:
        """Return the reply by which the session rejects a command; None if it accepts it."""
        source = f"{type(self._session).__qualname__}.{name}()"
        try:
            given = await deferred_call(method, *arguments)
        except FAILURES as error:
            if isinstance(error, CancelledError):
                raise
            return refusal(Failure(error), self._message.id, self._message.envelope.queue_id, source)
        return None if accepts(given) else answer(given, self._session, name)

    async def _sent(self, transaction: Transaction) -> list[Reply]:
        """Send the message, and return the reply for each accepted recipient."""
        body = Message()
        transaction.begin(self._session, body, DataContext(transaction))
        try:
            with self._message.open() as file:
                while (piece := file.read(PIECE)) and not body.failed:
                    body.write(piece)
                    if body.full:
                        await body.drained()
            written: list[Reply] = []
            concluded = transaction.finish(written.append)
            if isinstance(concluded, Deferred):
                await concluded
            return written
        except BaseException:
            transaction.abort(Failure(MessageAborted("the delivery was abandoned")))
            raise


async def _end(session: SessionLike, message: QueuedMessage) -> None:
    for method in (session.reset, session.logout):
        try:
            await deferred_call(method)
        except FAILURES:
            log.failure("message={id} the session of the backend failed", id=message.id)
