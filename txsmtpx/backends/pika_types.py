"""The parts of pika that are used here, as types: pika 1.4 is annotated, and does not declare that (PEP 561)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from txsmtpx.interfaces import StreamTransport


class PropertiesLike(Protocol):
    """The part of pika's ``BasicProperties`` that is used here; the library is not typed."""

    correlation_id: str | None
    delivery_mode: int | None
    expiration: str | None
    headers: Mapping[str, object] | None
    message_id: str | None
    user_id: str | None


class MethodLike(Protocol):
    """The part of pika's methods that is used here."""

    delivery_tag: int
    reply_code: int
    reply_text: str
    reason: str


class FrameLike(Protocol):
    """pika's frame of a method."""

    method: MethodLike


class MessageLike(Protocol):
    """A message from the broker, pika's ``ReceivedMessage``."""

    method: MethodLike
    properties: PropertiesLike
    body: bytes


class QueueLike(Protocol):
    """The messages of a consumer, pika's ``ClosableDeferredQueue``."""

    def get(self) -> Deferred[MessageLike]:
        """
        Return the next message.

        Returns:
            A Deferred of it.
        """


class BlockingLike(Protocol):
    """The part of pika's connection that is used here."""

    def add_on_connection_blocked_callback(self, callback: Callable[[object, FrameLike], object]) -> None:
        """
        Call a function when the broker takes no more messages.

        Args:
            callback: The function.
        """

    def add_on_connection_unblocked_callback(self, callback: Callable[[object, FrameLike], object]) -> None:
        """
        Call a function when the broker takes messages again.

        Args:
            callback: The function.
        """


class ChannelLike(Protocol):
    """The part of pika's ``TwistedChannel`` that is used here."""

    connection: BlockingLike
    on_closed: Deferred[object]

    def add_on_return_callback(self, callback: Callable[[MessageLike], object]) -> None:
        """
        Call a function with each message that no queue has taken.

        Args:
            callback: The function.
        """

    def basic_ack(self, delivery_tag: int) -> None:
        """
        Acknowledge a message.

        Args:
            delivery_tag: Its number.
        """

    def basic_cancel(self, consumer_tag: str) -> Deferred[object]:
        """
        End a consumer.

        Args:
            consumer_tag: Its name.

        Returns:
            A Deferred of the answer.
        """

    def basic_consume(self, queue: str) -> Deferred[tuple[QueueLike, str]]:
        """
        Start a consumer.

        Args:
            queue: The queue of the broker.

        Returns:
            A Deferred of its messages and its name.
        """

    def basic_nack(self, delivery_tag: int) -> None:
        """
        Return a message to its queue.

        Args:
            delivery_tag: Its number.
        """

    def basic_publish(
        self, exchange: str, routing_key: str, body: bytes, properties: PropertiesLike, mandatory: bool
    ) -> Deferred[object]:
        """
        Publish a message.

        Args:
            exchange: The exchange.
            routing_key: The routing key.
            body: The body.
            properties: The properties.
            mandatory: True to get the message back if no queue takes it.

        Returns:
            A Deferred that fires when the broker has confirmed the message.
        """

    def basic_qos(self, *, prefetch_count: int) -> Deferred[object]:
        """
        Limit the messages that are not acknowledged.

        Args:
            prefetch_count: The limit.

        Returns:
            A Deferred of the answer.
        """

    def confirm_delivery(self) -> Deferred[object]:
        """
        Ask for confirmations.

        Returns:
            A Deferred of the answer.
        """

    def exchange_declare(self, exchange: str, *, passive: bool) -> Deferred[object]:
        """
        Declare an exchange.

        Args:
            exchange: Its name.
            passive: True to check only that it exists.

        Returns:
            A Deferred of the answer.
        """

    def queue_declare(
        self, queue: str, *, passive: bool = False, durable: bool = False, arguments: dict[str, object] | None = None
    ) -> Deferred[object]:
        """
        Declare a queue.

        Args:
            queue: Its name.
            passive: True to check only that it exists.
            durable: True if it survives a restart of the broker.
            arguments: Its arguments.

        Returns:
            A Deferred of the answer.
        """


class ProtocolLike(Protocol):
    """The part of pika's ``TwistedProtocolConnection`` that is used here."""

    transport: StreamTransport
    ready: Deferred[object]
    reason: BaseException | None
    """Why the connection has ended."""

    def channel(self) -> Deferred[ChannelLike]:
        """
        Open a channel.

        Returns:
            A Deferred of the channel.
        """

    def close(self) -> Deferred[object] | None:
        """
        Close the connection.

        Returns:
            A Deferred that fires when it is closed; None if it is.
        """
