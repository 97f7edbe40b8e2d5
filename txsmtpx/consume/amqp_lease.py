"""A message of an AMQP broker that is being handled, and the queues for what is not handled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.logger import Logger

from txsmtpx.backends import amqp_message, amqp_queues
from txsmtpx.backends.amqp_channel import AMQPChannel, BrokerError, reason_of
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.pika_types import MessageLike, PropertiesLike
from txsmtpx.consume.message_source import Remainder, Settlement, SourceError
from txsmtpx.consume.queued_message import QueuedMessage
from txsmtpx.interfaces import InThread

log = Logger(__name__)

SWEEP = 1000
"""Handled bodies after which old marks are removed."""


class RemainderQueues:
    """
    The queues beside a queue: ``QUEUE.retry.SECONDS`` and ``QUEUE.dead``.  `AMQPSource` creates them.

    Args:
        queue: The queue.
        publisher: It publishes to them.
        directory: The directory of bodies; None for none.
        in_thread: It calls a function in a thread.

    Attributes:
        directory: As in the arguments.
        in_thread: As in the arguments.
    """

    def __init__(
        self, queue: str, publisher: AMQPPublisher, directory: BodyDirectory | None, in_thread: InThread
    ) -> None:
        self.directory = directory
        self.in_thread = in_thread
        self._queue = queue
        self._publisher = publisher
        self._declared: set[str] = set()
        self._marked = 0

    def forget(self) -> None:
        """Declare the queues again, since there is another channel."""
        self._declared.clear()

    async def retry(self, properties: PropertiesLike, body: bytes, delay: float) -> None:
        """
        Publish a message that comes back to the queue.

        Args:
            properties: The properties.
            body: The body.
            delay: Seconds until then.

        Raises:
            BrokerError: It is not stored, or may not be.
        """
        name = f"{self._queue}.retry.{delay:g}"
        channel = await self._publisher.ready()
        if name not in self._declared:
            await amqp_queues.declare_waiting(channel.channel, name, self._queue, delay)
            self._declared.add(name)
        await self._publisher.publish("", name, len(body), lambda: body, properties)

    async def bury(self, properties: PropertiesLike, body: bytes) -> None:
        """
        Publish a message to the dead letter queue.

        Args:
            properties: The properties.
            body: The body.

        Raises:
            BrokerError: It is not stored, or may not be.
        """
        name = f"{self._queue}.dead"
        channel = await self._publisher.ready()
        if name not in self._declared:
            await amqp_queues.declare(channel.channel, name, "quorum")
            self._declared.add(name)
        await self._publisher.publish("", name, len(body), lambda: body, properties)

    async def mark(self, name: str) -> None:
        """
        Mark a body as handled.

        Args:
            name: Its name.

        Raises:
            OSError: It failed.
        """
        assert self.directory is not None
        await self.in_thread(self.directory.mark, name)
        self._marked += 1
        if self._marked % SWEEP == 0:
            await self.in_thread(self.directory.sweep)


class AMQPLease:
    """
    A message that the broker keeps until it is acknowledged.  `AMQPSource` creates it.

    Args:
        queues: The queues for what is not handled.
        channel: The channel on which it has come.
        delivery: The message, as pika has it.

    Attributes:
        id: The identifier of the message, for the log.
        message: The message, after `read`.
    """

    message: QueuedMessage

    def __init__(self, queues: RemainderQueues, channel: AMQPChannel, delivery: MessageLike) -> None:
        given: object = delivery.properties.message_id
        self.id: str = given if isinstance(given, str) and given else f"number {delivery.method.delivery_tag}"
        self._queues = queues
        self._channel = channel
        self._delivery = delivery
        # pika returns names that are not UTF-8 as octets, in spite of its annotations.
        headers = (delivery.properties.headers or {}).items()
        self._headers: Mapping[str, object] = {name: value for name, value in headers if isinstance(name, str)}
        self._file = ""  # the name of the file of the body

    def read(self) -> None:
        """
        Read the message.

        Raises:
            ValueError: It is none of this library, or its body is in a directory that is not known.
        """
        envelope = amqp_message.envelope_of(self._headers)
        body: bytes | Path = self._delivery.body
        name = self._headers.get(amqp_message.BODY_FILE)
        if name is not None:
            if self._queues.directory is None:
                raise ValueError("its body is in a directory, and the consumer has none; set bodies")
            body = self._queues.directory.path_of(str(name))
            self._file = str(name)
        # The broker counts the deliveries that have ended without an outcome.
        deliveries = amqp_message.number_in(self._headers, "x-delivery-count")
        attempt = 1 + deliveries + amqp_message.number_in(self._headers, amqp_message.ATTEMPTS)
        self.message = QueuedMessage(self.id, envelope, attempt, body)

    @property
    def is_handled(self) -> bool:
        """True if its body has a mark: only the acknowledgement was lost."""
        directory = self._queues.directory
        return bool(self._file) and directory is not None and directory.is_marked(self._file)

    async def settle(self, settlement: Settlement) -> None:
        """
        Store the remainders, then acknowledge the message (`Lease.settle`).

        Args:
            settlement: What becomes of the message.

        Raises:
            SourceError: The broker cannot be used.
        """
        retry, dead, file = settlement.retry, settlement.dead, self._file
        queues, directory = self._queues, self._queues.directory
        body = b"" if file else self._delivery.body
        try:
            if retry is not None:
                await queues.retry(self._properties(retry, file, self.message.attempt), body, settlement.delay)
            if dead is not None:
                if file and retry is not None:
                    assert directory is not None
                    file = await queues.in_thread(directory.link, file)
                await queues.bury(self._properties(dead, file, 0), body)
            handled = retry is None and dead is None and bool(file)
            if handled and not self.is_handled:
                await queues.mark(file)
            self._acknowledge()
            if handled:
                assert directory is not None
                await queues.in_thread(directory.remove, file)
        except (BrokerError, OSError) as error:
            raise SourceError(str(error)) from error

    async def bury(self, reason: str) -> None:
        """
        Move a message that cannot be read to the dead letter queue.

        Args:
            reason: Why it cannot be read.

        Raises:
            SourceError: The broker cannot be used.
        """
        properties = self._delivery.properties
        properties.headers = {**self._headers, amqp_message.REASON: reason[:500]}
        properties.delivery_mode = amqp_message.PERSISTENT
        properties.expiration = properties.user_id = None  # the one would end it, the other one forbid it
        try:
            await self._queues.bury(properties, self._delivery.body)
            self._acknowledge()
        except BrokerError as error:
            raise SourceError(str(error)) from error

    def release(self) -> None:
        """Return the message to the queue now."""
        if self._channel.usable:
            self._channel.channel.basic_nack(self._delivery.method.delivery_tag)

    def _properties(self, remainder: Remainder, file: str, attempts: int) -> PropertiesLike:
        others = {name: value for name, value in self._headers.items() if not name.startswith(_REPLACED)}
        headers: dict[str, object] = {
            **others,
            **amqp_message.headers_of(remainder.envelope),
            amqp_message.REASON: remainder.reason,
        }
        if attempts:  # not of a dead letter: if an operator moves it back, all attempts are left
            headers[amqp_message.ATTEMPTS] = attempts
        if file:
            headers[amqp_message.BODY_FILE] = file
        return amqp_message.properties_of(self.id, remainder.envelope, headers)

    def _acknowledge(self) -> None:
        """
        Acknowledge the message.

        Raises:
            BrokerError: The connection on which it came is closed.
        """
        if not self._channel.usable:
            raise BrokerError("the connection on which it came is closed")
        try:
            self._channel.channel.basic_ack(self._delivery.method.delivery_tag)
        except Exception as error:  # the channel is closing
            raise BrokerError(reason_of(error)) from error


_REPLACED = (amqp_message.PREFIX, "x-")
"""The beginning of the headers that a remainder does not take over: those of this library, and of the broker."""
