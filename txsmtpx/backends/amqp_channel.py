"""
A channel to an AMQP broker that confirms each message.

Theory of operation.  A message is stored when the broker has acknowledged it, and not before.  If no queue takes the
message, the broker returns it, and then acknowledges it all the same.  pika's Twisted adapter attributes a returned
message to the first of the messages that one acknowledgement confirms, which may be another one.  So each message has
a number here, its correlation_id, and a returned message is known by it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.backends.pika_types import ChannelLike, FrameLike, MessageLike, PropertiesLike

log = Logger(__name__)


class BrokerError(Exception):
    """
    A broker cannot be used, or has not stored a message.  The text has no password.

    Args:
        text: Why.
        unknown: True if the broker may have stored the message.

    Attributes:
        unknown: As in the arguments.

    Example:
        >>> BrokerError("the connection was lost", unknown=True).unknown
        True
    """

    def __init__(self, text: str, *, unknown: bool = False) -> None:
        super().__init__(text)
        self.unknown = unknown


class AMQPChannel:
    """
    A channel in confirm mode, as long as its connection lasts.  `AMQPConnection` creates it.

    Args:
        channel: pika's channel, which is open and in confirm mode.
        name: The name of the broker for the log.

    Attributes:
        channel: As in the arguments.
        usable: False after the channel or its connection was closed.
        blocked: Why the broker takes no messages now; ``""`` if it does.
    """

    def __init__(self, channel: ChannelLike, name: str) -> None:
        self.channel = channel
        self.usable: bool = True
        self.blocked: str = ""
        self._name = name
        self._number = 0
        self._returned: dict[str, str] = {}
        self._waiting: list[Deferred[None]] = []
        self._closing: list[Deferred[str]] = []
        self._reason = ""
        channel.add_on_return_callback(self._message_returned)
        channel.connection.add_on_connection_blocked_callback(self._connection_blocked)
        channel.connection.add_on_connection_unblocked_callback(self._connection_unblocked)
        channel.on_closed.addBoth(self._channel_closed)

    def closed(self) -> Deferred[str]:
        """
        Wait for the end of the channel.

        Returns:
            A Deferred of the reason.
        """
        if not self.usable:
            return succeed(self._reason)
        waiter: Deferred[str] = Deferred(self._closing.remove)
        self._closing.append(waiter)
        return waiter

    def writable(self) -> Deferred[None]:
        """
        Wait while the broker takes no messages.

        Returns:
            A Deferred.  It fails with `BrokerError` if the channel is closed.
        """
        if not self.usable:
            return fail(BrokerError(self._reason))
        if not self.blocked:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        return waiter

    def publish(self, exchange: str, routing_key: str, body: bytes, properties: PropertiesLike) -> Deferred[None]:
        """
        Publish a message.

        Args:
            exchange: The exchange; ``""`` for the queue that the routing key names.
            routing_key: The routing key.
            body: The body.
            properties: The properties; this sets the correlation_id.

        Returns:
            A Deferred that fires when the broker has stored the message.  It fails with `BrokerError` otherwise.
        """
        self._number += 1
        number = properties.correlation_id = str(self._number)
        try:
            confirmed = self.channel.basic_publish(exchange, routing_key, body, properties, mandatory=True)
        except Exception as error:  # pika sends nothing on a channel that is closed
            return fail(BrokerError(reason_of(error)))
        return confirmed.addCallbacks(lambda _: self._stored(number), lambda failure: self._not_stored(failure, number))

    def _stored(self, number: str) -> None:
        """
        End a message that the broker has acknowledged.

        Raises:
            BrokerError: No queue has taken it.
        """
        returned = self._returned.pop(number, None)
        if returned is not None:
            raise BrokerError(f"the broker has returned the message: {returned}")

    def _not_stored(self, failure: Failure, number: str) -> None:
        """
        End a message that pika's adapter reports as failed.

        Raises:
            BrokerError: It is not stored, or may not be.
        """
        from pika.exceptions import NackError, UnroutableError

        if failure.check(UnroutableError):  # which is an acknowledgement, perhaps that of another message
            self._stored(number)
            return
        self._returned.pop(number, None)
        if failure.check(NackError):
            raise BrokerError("the broker has rejected the message (basic.nack)")
        raise BrokerError(reason_of(failure.value), unknown=True)

    def _message_returned(self, message: MessageLike) -> None:
        number = message.properties.correlation_id
        if number is not None:
            self._returned[number] = f"{message.method.reply_code} {message.method.reply_text}"

    def _connection_blocked(self, connection: object, frame: FrameLike) -> None:
        self.blocked = frame.method.reason or "no reason given"
        log.warn("{name} takes no messages: {reason}", name=self._name, reason=self.blocked)

    def _connection_unblocked(self, connection: object, frame: FrameLike) -> None:
        self.blocked = ""
        log.info("{name} takes messages again", name=self._name)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def _channel_closed(self, reason: object) -> None:
        self.usable = False
        self._returned.clear()
        self._reason = reason_of(reason.value if isinstance(reason, Failure) else reason)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.errback(BrokerError(self._reason))
        closing, self._closing = self._closing, []
        for waiter in closing:
            waiter.callback(self._reason)


def reason_of(error: object) -> str:
    """
    Return the text of an error of pika or Twisted.

    Args:
        error: The error.

    Returns:
        One line.  If the broker has sent a reply code, it begins with that.
    """
    code, text = getattr(error, "reply_code", None), getattr(error, "reply_text", None)
    if code is not None and text:
        return " ".join(f"{code} {text}".split(None))
    return " ".join(str(error).split(None)) or type(error).__name__
