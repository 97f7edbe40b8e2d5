"""
The backend ``amqp:URL``: it publishes each message to a broker, such as RabbitMQ.

The reply 250 means that the broker has stored the message: a persistent message in a durable queue (guarantee 12).
Every failure before that is 451, and the client keeps the message.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence

from twisted.application.service import IService
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from txsmtpx.arguments import checked_except
from txsmtpx.backends import amqp_message, amqp_queues, amqp_settings
from txsmtpx.backends.amqp_channel import BrokerError
from txsmtpx.backends.amqp_connection import AMQPConnection
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.backends.amqp_service import AMQPService
from txsmtpx.backends.amqp_settings import QueueType
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.envelope_fields import fields_of
from txsmtpx.backends.maildir import disk_full_452
from txsmtpx.backends.pika_types import ChannelLike
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.errors import SMTPError, message_too_big
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import ClientEndpoint, DataContext, InThread, Message, Reactor, clock_of
from txsmtpx.wire.client_tls import TrustRoots

log = Logger(__name__)

MOST_RECIPIENTS = 100_000
"""Octets of all recipients of a message, which are one header.  A client sends another message to the others."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class AMQPBackend(OpenBackend):
    """
    A backend that publishes each message to a broker of AMQP 0-9-1, such as RabbitMQ.

    Without an exchange, it declares the queue when it connects, and publishes to the queue.  With an exchange, the
    queues behind it are the operator's.  They have to be durable.

    Args:
        url: The broker, such as ``"amqps://USER:PASSWORD@HOST/VHOST"``.
        queue: The queue.
        queue_type: "quorum" or "classic" declares a durable queue of that type.  "existing" uses a queue as it is.
        exchange: The exchange; ``""`` for the queue itself.
        routing_key: The routing key; ``""`` for the name of the queue.
        inline: The octets of the longest body in a message of the broker.
        bodies: The directory for longer bodies, which consumers share; ``""`` rejects them.
        login: The path of a file with one line ``NAME:PASSWORD``, instead of a login in the URL; ``""`` for none.
        timeout: The most seconds of each wait: for the connection, for a broker that takes no messages, for the
            confirmation.
        trust_roots: The authorities that ``amqps:`` trusts.  None: those of the system.
        client_certificate: The certificate that the broker gets; None for none.
        endpoint: It connects to the broker, without TLS.  None: the host and the port of the URL.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.
        reactor: The reactor.  None: the global one.

    Attributes:
        pools: A service that connects at the start of a server, and closes the connection at its end.

    Raises:
        ImportError: pika is not installed: ``pip install 'txsmtpx[amqp]'``.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.
        OSError: A file of certificates cannot be read.

    Example:
        ::

            backend = AMQPBackend("amqps://mail:secret@broker.example.org/", queue="inbound", bodies="/srv/bodies")
    """

    @checked_except("queue", "queue_type", "exchange", "routing_key", "inline", "timeout")
    def __init__(
        self,
        url: str,
        *,
        queue: str = amqp_settings.QUEUE.default,
        queue_type: QueueType = amqp_settings.QUEUE_TYPE.default,
        exchange: str = amqp_settings.EXCHANGE.default,
        routing_key: str = amqp_settings.ROUTING_KEY.default,
        inline: int = amqp_settings.INLINE.default,
        bodies: str = amqp_settings.BODIES.default,
        login: str = amqp_settings.LOGIN.default,
        timeout: float = amqp_settings.TIMEOUT.default,
        trust_roots: TrustRoots | None = None,
        client_certificate: PrivateCertificate | None = None,
        endpoint: ClientEndpoint | None = None,
        in_thread: InThread | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        amqp_settings.QUEUE.check(queue)
        amqp_settings.QUEUE_TYPE.check(queue_type)
        amqp_settings.EXCHANGE.check(exchange)
        amqp_settings.ROUTING_KEY.check(routing_key)
        amqp_settings.INLINE.check(inline)
        amqp_settings.TIMEOUT.check(timeout)
        self._queue = queue
        self._queue_type: QueueType = queue_type
        self._exchange = exchange
        self._routing_key = routing_key or queue
        self._inline = inline
        self._directory = BodyDirectory(bodies) if bodies else None
        self._in_thread: InThread = in_thread or deferToThread
        self._connection = AMQPConnection(
            AMQPURL.parsed(url).logged_in(login),
            self._prepare,
            timeout,
            trust_roots or None,
            client_certificate,
            endpoint,
            reactor,
        )
        self._publisher = AMQPPublisher(self._connection, timeout, clock_of(reactor))
        self.pools: Sequence[IService] = (AMQPService(self._connection, self._publisher),)
        super().__init__(lambda connection: AMQPSession(self))

    async def _prepare(self, channel: ChannelLike) -> None:
        if self._exchange:
            await channel.exchange_declare(self._exchange, passive=True)
        else:
            await amqp_queues.declare(channel, self._queue, self._queue_type)

    async def ask(self) -> str:
        """
        Ask the broker whether it can be used, for ``twistd smtpx --check``.

        Returns:
            A part of a sentence about it.

        Raises:
            BrokerError: The broker cannot be used.
        """
        await self._connection.channel()
        await self._connection.close()
        return f"{self._connection.name} can be used"

    async def close(self) -> None:
        """Close the connection to the broker.  The next message opens another one."""
        await self._connection.close()

    def check_size(self, size: int | None) -> None:
        """
        Check the size of a message before it is received.

        Args:
            size: The octets that the client has estimated; None if it has not.

        Raises:
            SMTPError: 552 5.3.4 if the message is too long.
        """
        if size is not None and size > self._inline and self._directory is None:
            raise message_too_big()

    async def store(self, message: Message, context: DataContext) -> None:
        """
        Publish a message.

        Args:
            message: The message.
            context: The envelope.

        Raises:
            BrokerError: The broker has not stored it, or may not have.
            SMTPError: 552 5.3.4 if it is too long.
            OSError: It cannot be written to the directory of bodies.
        """
        await self._publisher.ready()  # until then, the client waits with the body
        body = ReceivedBody(self._inline, self._directory, self._in_thread)
        referred = False  # the broker may have a message that refers to the file

        def content() -> bytes:
            nonlocal referred
            referred = True
            return b"" if body.name else body.content()

        try:
            await body.read(message)
            envelope = fields_of(context)
            headers = amqp_message.headers_of(envelope)
            if body.name:
                headers[amqp_message.BODY_FILE] = body.name
            if amqp_message.size_of(headers) > amqp_message.MOST_HEADERS:
                raise BrokerError("the envelope is too long for the headers of a message")
            message_id = f"{envelope.queue_id}@{envelope.domain}"[:200]
            properties = amqp_message.properties_of(message_id, envelope, headers)
            try:
                await self._publisher.publish(
                    self._exchange, self._routing_key, 0 if body.name else body.size, content, properties
                )
            except BrokerError as error:
                referred = referred and error.unknown
                raise
        finally:
            body.close()
            if not referred:
                body.discard()
        context.note(broker=self._connection.name, routing_key=self._routing_key)


class AMQPSession(Session):
    """
    A session whose messages are published.  `AMQPBackend` creates it.

    Args:
        backend: The backend.
    """

    def __init__(self, backend: AMQPBackend) -> None:
        self._backend = backend
        self._recipients = 0  # octets of the recipients

    def mail(self, sender: str, options: MailOptions) -> None:
        """
        Handle MAIL: check the size of the message.

        Args:
            sender: The address.
            options: The parameters.

        Raises:
            SMTPError: 552 5.3.4 if the message is too long.
        """
        self._recipients = 0
        self._backend.check_size(options.size)

    def rcpt(self, recipient: str, options: RcptOptions) -> Reply | None:
        """
        Handle RCPT: check that the recipients fit into a header.

        Args:
            recipient: The address.
            options: The parameters.

        Returns:
            452 4.5.3 if this recipient does not fit, None otherwise.
        """
        octets = len(json.dumps(recipient)) + 1
        if vars(options):
            octets += 2 * len(json.dumps(repr(options))) + 100
        if self._recipients + octets > MOST_RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS_452
        self._recipients += octets
        return None

    async def data(self, message: Message, context: DataContext) -> None:
        """
        Handle DATA: publish the message.

        Args:
            message: The message.
            context: The envelope.

        Raises:
            SMTPError: 451 4.3.0 if the broker has not stored it; 452 4.3.1 if the disk is full; 552 5.3.4 if it is too
                long.
        """
        try:
            await self._backend.store(message, context)
        except (BrokerError, OSError) as error:
            session_id, queue_id = context.connection.session_id, context.queue_id
            log.error(
                "session={session} queue={queue} not stored: {error}", session=session_id, queue=queue_id, error=error
            )
            full = isinstance(error, OSError) and error.errno in _FULL
            reply = disk_full_452(queue_id) if full else replies.local_error_451(queue_id)
            raise SMTPError.from_reply(reply) from error
