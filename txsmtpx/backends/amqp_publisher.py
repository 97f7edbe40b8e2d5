"""The publisher of messages: it waits for the broker before and after each one, for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from txsmtpx.backends.amqp_channel import AMQPChannel, BrokerError
from txsmtpx.backends.amqp_connection import AMQPConnection
from txsmtpx.backends.pika_types import PropertiesLike
from txsmtpx.interfaces import Clock
from txsmtpx.wire.octet_budget import OctetBudget

T = TypeVar("T")

IN_FLIGHT = 64 * 1024 * 1024
"""Octets of bodies that wait for the broker at a time.  Further messages wait for them."""


class AMQPPublisher:
    """
    A publisher on a connection.

    Args:
        connection: The connection.
        timeout: The most seconds of each wait.
        clock: The clock.
    """

    def __init__(self, connection: AMQPConnection, timeout: float, clock: Clock) -> None:
        self._connection = connection
        self._timeout = timeout
        self._clock = cast(IReactorTime, clock)
        self._budget = OctetBudget(IN_FLIGHT)
        self._publishing = 0
        self._idle: list[Deferred[None]] = []

    def idle(self) -> Deferred[None]:
        """
        Wait until no message is being published.

        Returns:
            A Deferred.  It fires, since each message ends within a limited time.
        """
        waiter: Deferred[None] = Deferred()
        self._idle.append(waiter)
        self._ended()
        return waiter

    def _ended(self) -> None:
        if not self._publishing:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    async def ready(self) -> AMQPChannel:
        """
        Wait until the broker takes messages.

        Returns:
            The channel.

        Raises:
            BrokerError: It does not, or cannot be used.
        """
        channel = await self._connection.channel()
        try:
            await self._timed(channel.writable())
        except TimeoutError:
            raise BrokerError(f"{self._connection.name} takes no messages: {channel.blocked}") from None
        return channel

    async def publish(
        self,
        exchange: str,
        routing_key: str,
        size: int,
        content: Callable[[], bytes],
        properties: PropertiesLike,
    ) -> None:
        """
        Publish a message, and wait until the broker has stored it.

        Args:
            exchange: The exchange.
            routing_key: The routing key.
            size: The octets of the body.
            content: Returns the body.  It is called when the message is sent.
            properties: The properties.

        Raises:
            BrokerError: The message is not stored, or may not be.
        """
        self._publishing += 1
        try:
            await self._publish(exchange, routing_key, size, content, properties)
        finally:
            self._publishing -= 1
            self._ended()

    async def _publish(
        self, exchange: str, routing_key: str, size: int, content: Callable[[], bytes], properties: PropertiesLike
    ) -> None:
        try:
            taken = await self._timed(self._budget.take(size))
        except TimeoutError:
            raise BrokerError(f"{self._connection.name} takes the messages before this one too slowly") from None
        try:
            channel = await self.ready()
            confirmed = channel.publish(exchange, routing_key, content(), properties)
        except BaseException:
            self._budget.give_back(taken)
            raise
        waiter: Deferred[None] = Deferred()

        def end(result: object) -> None:
            # The octets are held until now, also if the client has gone.
            self._budget.give_back(taken)
            if not waiter.called:
                waiter.callback(cast(None, result))

        confirmed.addBoth(end)
        try:
            await self._timed(waiter)
        except TimeoutError:
            self._connection.abort()
            text = f"{self._connection.name} has not confirmed the message within {self._timeout:g} seconds"
            raise BrokerError(text, unknown=True) from None

    def _timed(self, deferred: Deferred[T]) -> Deferred[T]:
        return deferred.addTimeout(self._timeout, self._clock)
