"""
The messages of a queue of an AMQP broker, such as RabbitMQ.  It needs the extra ``txsmtpx[amqp]``.

Theory of operation.  A message that is tried again is published to a queue that is named after the delay, such as
``mail.retry.10``, and then acknowledged.  When its time is over, the broker moves it back to the queue.  A message that
is given up is published to the queue ``mail.dead``, and then acknowledged.  So if the process ends in between, there is
one message too many, and never one too few.

An acknowledgement has no answer.  If it is lost with the connection, the broker delivers the message again.  Then its
body in the directory of bodies is gone.  So a handled body leaves a mark there (`txsmtpx.backends.body_directory`), and
a message whose body has a mark is acknowledged without its handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from txsmtpx.arguments import checked_except
from txsmtpx.backends import amqp_queues, amqp_settings
from txsmtpx.backends.amqp_channel import AMQPChannel, BrokerError
from txsmtpx.backends.amqp_connection import AMQPConnection
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.backends.amqp_settings import QueueType
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.body_directory import BodyDirectory
from txsmtpx.backends.pika_types import ChannelLike, MessageLike, QueueLike
from txsmtpx.consume.amqp_lease import AMQPLease, RemainderQueues
from txsmtpx.consume.message_source import Lease, Settlement, SourceError
from txsmtpx.interfaces import ClientEndpoint, InThread, Reactor, clock_of
from txsmtpx.wire.client_tls import TrustRoots

log = Logger(__name__)

RETRY = 1.0
"""Seconds from the loss of a connection to the next attempt to connect, at least."""


class AMQPSource:
    """
    The messages of a queue that an `txsmtpx.backends.amqp.AMQPBackend` has filled.

    It declares the queue, ``QUEUE.retry.SECONDS`` for each delay, and ``QUEUE.dead``.

    Args:
        url: The broker, such as ``"amqps://USER:PASSWORD@HOST/VHOST"``.
        queue: The queue.
        queue_type: "quorum" or "classic", as for the backend; "existing" uses a queue as it is.
        bodies: The directory of bodies, as for the backend; ``""`` for none.
        login: The path of a file with one line ``NAME:PASSWORD``, instead of a login in the URL; ``""`` for none.
        timeout: The most seconds for a connection, and for an answer.
        trust_roots: The authorities that ``amqps:`` trusts.  None: those of the system.
        client_certificate: The certificate that the broker gets; None for none.
        endpoint: It connects to the broker, without TLS.  None: the host and the port of the URL.
        in_thread: It calls a function in a thread.  None: `twisted.internet.threads.deferToThread`.
        reactor: The reactor.  None: the global one.

    Attributes:
        name: The broker and the queue for the log.

    Raises:
        ImportError: pika is not installed: ``pip install 'txsmtpx[amqp]'``.
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.
        OSError: A file of certificates cannot be read.

    Example:
        ::

            consumer = Consumer(AMQPSource("amqp://localhost", queue="mail"), handle)
    """

    @checked_except("queue", "queue_type", "timeout")
    def __init__(
        self,
        url: str,
        *,
        queue: str = amqp_settings.QUEUE.default,
        queue_type: QueueType = amqp_settings.QUEUE_TYPE.default,
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
        amqp_settings.TIMEOUT.check(timeout)
        self._queue = queue
        self._queue_type: QueueType = queue_type
        self._timeout = timeout
        self._clock = cast(IReactorTime, clock_of(reactor))
        self._connection = AMQPConnection(
            AMQPURL.parsed(url).logged_in(login),
            self._prepare,
            timeout,
            trust_roots or None,
            client_certificate,
            endpoint,
            reactor,
        )
        publisher = AMQPPublisher(self._connection, timeout, self._clock)
        directory = BodyDirectory(bodies) if bodies else None
        self._queues = RemainderQueues(queue, publisher, directory, in_thread or deferToThread)
        self.name: str = f"{self._connection.name} queue {queue}"
        self._receive: Callable[[Lease], None] | None = None
        self._most = 0
        self._running: Deferred[None] | None = None
        self._consumer: tuple[AMQPChannel, str] | None = None

    async def _prepare(self, channel: ChannelLike) -> None:
        self._queues.forget()
        await amqp_queues.declare(channel, self._queue, self._queue_type)

    def start(self, receive: Callable[[Lease], None], most: int) -> None:
        """
        Connect, and call a function with each message (`Source.start`).

        Args:
            receive: The function.
            most: The leases at a time that are not settled.
        """
        self._receive, self._most = receive, most
        self._running = Deferred.fromCoroutine(self._run())

    def pause(self) -> None:
        """Take no further messages.  Leases can still be settled."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
        consumer, self._consumer = self._consumer, None
        if consumer is not None and consumer[0].usable:
            channel, tag = consumer
            channel.channel.basic_cancel(tag).addErrback(lambda failure: None)  # the connection is lost

    async def stop(self) -> None:
        """Return all leases that are not settled to the queue, and close the connection."""
        self.pause()
        await self._connection.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._consume(await self._connection.channel())
            except CancelledError:  # by pause()
                return
            except BrokerError:  # which the connection has logged
                pass
            except Exception as error:
                log.error("{source} cannot be consumed: {error}", source=self.name, error=error)
                self._connection.abort()
            try:
                await deferLater(self._clock, max(self._connection.delay, RETRY))
            except CancelledError:
                return

    async def _consume(self, channel: AMQPChannel) -> None:
        """Give the messages to the consumer, until the connection is lost, or `pause` is called."""
        raw, clock = channel.channel, self._clock
        await raw.basic_qos(prefetch_count=self._most).addTimeout(self._timeout, clock)
        queue: QueueLike
        queue, tag = await raw.basic_consume(self._queue).addTimeout(self._timeout, clock)
        self._consumer = channel, tag
        if self._queues.directory is not None:
            await self._queues.in_thread(self._queues.directory.sweep)
        while True:
            self._take(channel, await queue.get())

    def _take(self, channel: AMQPChannel, message: MessageLike) -> None:
        assert self._receive is not None
        lease = AMQPLease(self._queues, channel, message)
        try:
            lease.read()
        except ValueError as error:
            log.error("{source} message={id} cannot be read: {error}", source=self.name, id=lease.id, error=error)
            Deferred.fromCoroutine(self._bury(lease, str(error)))
            return
        if lease.is_handled:
            Deferred.fromCoroutine(self._acknowledge(lease))
        else:
            self._receive(lease)

    async def _bury(self, lease: AMQPLease, reason: str) -> None:
        try:
            await lease.bury(reason)
        except (SourceError, CancelledError) as error:
            log.error("{source} message={id} is not buried: {error}", source=self.name, id=lease.id, error=error)
            self._connection.abort()  # so that it does not count as one that is being handled

    async def _acknowledge(self, lease: AMQPLease) -> None:
        log.info("{source} message={id} is handled already", source=self.name, id=lease.id)
        try:
            await lease.settle(Settlement())
        except SourceError as error:
            log.warn("{source} message={id} comes again: {error}", source=self.name, id=lease.id, error=error)
