"""A message and its envelope, as the server gives them to `ISession.data`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces.connection import Connection
from txsmtpx.interfaces.results import Results
from txsmtpx.settling import Eventual

Outcome = Reply | str | BaseException | Failure | None
"""
The outcome of a message for a recipient.  None is 250, a `str` is the text of a 250, a `Reply` is sent as it is.  An
`txsmtpx.SMTPError` is answered by its reply, any other exception by 451 4.3.0.
"""


class IMessage(Interface):
    """
    A message that is being received.

    It has one reader at a time, which uses one of three ways: `content`, ``async for`` or `deliver_to`.  A reader that
    is slow slows down the client.

    Example:
        A session that hashes each message while it arrives::

            async def data(self, message: Message, context: DataContext) -> None:
                digest = hashlib.sha256()
                async for octets in message:
                    digest.update(octets)
    """

    received: int = Attribute("The octets received so far.")
    content_limit: int = Attribute("The octets that `content` collects if its limit is None.")

    def content(limit: int | None = None) -> Deferred[bytes]:
        """
        Return the whole message, after it has been received.

        Args:
            limit: The most octets.  None: ``max_message_bytes`` of the server, or 64 MiB if that is 0.

        Returns:
            The octets.

        Raises:
            SMTPError: 552 5.3.4 if the message is longer.  If the message ended early, the Deferred fails with the
                reason.
        """

    def __aiter__() -> AsyncIterator[bytes]:
        """
        Iterate over the message in chunks.

        Returns:
            The chunks.  The first hundred come as they are received.  Each later one has at least 4 KiB, but the last.
        """

    def deliver_to(consumer: IConsumer) -> Deferred[None]:
        """
        Write the whole message to a consumer.

        Args:
            consumer: It may pause the message.

        Returns:
            A Deferred that fires at the end of the message.
        """


class Message(Protocol):
    """
    The type of `IMessage`, for type checkers without a plugin for zope.interface.

    Example:
        ::

            class Maildrop(Session):
                async def data(self, message: Message, context: DataContext) -> None:
                    print(context.recipients, len(await message.content()))
    """

    @property
    def received(self) -> int:
        """The octets received so far."""

    @property
    def content_limit(self) -> int:
        """The octets that `content` collects if its limit is None."""

    def content(self, limit: int | None = None) -> Deferred[bytes]:
        """
        Return the whole message.  See `IMessage.content`.

        Args:
            limit: The most octets.

        Returns:
            The octets.
        """

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the message in chunks.  See `IMessage`."""

    def deliver_to(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the whole message to a consumer.  See `IMessage.deliver_to`.

        Args:
            consumer: It may pause the message.

        Returns:
            A Deferred that fires at the end of the message.
        """


class IDataContext(Interface):
    """
    The envelope of a message, and an outcome for each recipient (RFC 2033 §4.2).

    Example:
        Deliver to all recipients in parallel, each within a minute::

            async def data(self, message: Message, context: DataContext) -> None:
                content = await message.content()
                for recipient in context.recipients:
                    context.start_delivery(recipient, self.deliver(recipient, content), timeout=60)
    """

    sender: str = Attribute('The address of MAIL; ``""`` for the null reverse-path.')
    recipients: Sequence[str] = Attribute("The accepted addresses, in the order of RCPT.  One may occur twice.")
    options: MailOptions = Attribute("The parameters of MAIL.")
    recipient_options: Sequence[RcptOptions] = Attribute("The parameters of each RCPT.")
    queue_id: str = Attribute("The identifier of the transaction in replies and in the log.")
    connection: Connection = Attribute("The connection of the client.")
    results: Results = Attribute("The results of filters on this connection and in this transaction.")
    late: Callable[[str, Outcome], object] | None = Attribute(
        "Called with the recipient and the outcome if an outcome comes after the reply was decided; None by default."
    )

    def start_delivery(recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None) -> None:
        """
        Announce that the outcome for a recipient follows, by a Deferred or by `set_status`.

        Args:
            recipient: The address; or its index in `recipients`.
            deferred: A Deferred or coroutine of the outcome.  It is cancelled at the time-out, and if the connection is
                lost.  None: `set_status` is called later.
            timeout: Seconds from now.  Then the outcome is ``420 4.4.7 <recipient> Error: timeout reached``.  None: no
                time-out.

        Raises:
            ValueError: There is no such recipient, or each delivery to it has been announced.  Or `timeout` is not a
                number of seconds from 0.  The recipient is not changed.
        """

    def set_status(recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient.  Any thread may call this; it does not block.

        Args:
            recipient: The address, for the first recipient of that address without an outcome; or its index in
                `recipients`.
            status: The outcome.

        Returns:
            True if it counts; False if it came too late, or if the recipient has an outcome already.

        Raises:
            ValueError: There is no such recipient.
        """

    def note(**facts: object) -> None:
        """
        Add facts about this message to the log, such as where it was stored.

        They become part of the line of `txsmtpx.TransactionLog`.  Without that observer they are a line of their own.

        Args:
            facts: `str` or numbers, by name.
        """

    def received(when: float | None = None) -> bytes:
        """
        Return the Received field of this message (RFC 5321 §4.4).

        Args:
            when: Seconds since the epoch.  None: now.

        Returns:
            The field, with its line ends.
        """


class DataContext(Protocol):
    """
    The type of `IDataContext`, for type checkers without a plugin for zope.interface.

    Example:
        Store a message for each recipient, and report the recipients for which that failed::

            async def data(self, message: Message, context: DataContext) -> None:
                content = await message.content()
                for recipient in context.recipients:
                    if not self.store(recipient, content):
                        context.set_status(recipient, Reply(452, (4, 2, 2), "Mailbox full"))
    """

    @property
    def late(self) -> Callable[[str, Outcome], object] | None:
        """Called with the recipient and the outcome if an outcome comes after the reply was decided."""

    @late.setter
    def late(self, late: Callable[[str, Outcome], object] | None, /) -> None: ...

    @property
    def sender(self) -> str:
        """The address of MAIL; ``""`` for the null reverse-path."""

    @property
    def recipients(self) -> Sequence[str]:
        """The accepted addresses, in the order of RCPT."""

    @property
    def options(self) -> MailOptions:
        """The parameters of MAIL."""

    @property
    def recipient_options(self) -> Sequence[RcptOptions]:
        """The parameters of each RCPT."""

    @property
    def queue_id(self) -> str:
        """The identifier of the transaction in replies and in the log."""

    @property
    def connection(self) -> Connection:
        """The connection of the client."""

    @property
    def results(self) -> Results:
        """The results of filters on this connection and in this transaction."""

    def start_delivery(
        self, recipient: str | int, deferred: Eventual[Outcome] = None, timeout: float | None = None
    ) -> None:
        """
        Announce that the outcome for a recipient follows.  See `IDataContext.start_delivery`.

        Args:
            recipient: The address, or its index.
            deferred: A Deferred or coroutine of the outcome.
            timeout: Seconds from now.
        """

    def set_status(self, recipient: str | int, status: Outcome = None) -> bool:
        """
        Set the outcome for a recipient.  See `IDataContext.set_status`.

        Args:
            recipient: The address, or its index.
            status: The outcome.

        Returns:
            True if it counts.
        """

    def note(self, **facts: object) -> None:
        """
        Add facts about this message to the log.

        Args:
            facts: `str` or numbers, by name.
        """

    def received(self, when: float | None = None) -> bytes:
        """
        Return the Received field of this message.

        Args:
            when: Seconds since the epoch.  None: now.

        Returns:
            The field, with its line ends.
        """
