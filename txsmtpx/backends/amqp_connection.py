"""
The connection to an AMQP broker, by pika's Twisted adapter.  It needs the extra ``txsmtpx[amqp]``.

Theory of operation.  The connection is opened when it is used first.  After a failure it is opened again, with a delay
that doubles from `FIRST_DELAY` to `LONGEST_DELAY`.  Until then each use fails at once, and the clients get 451.  All
users share the attempt to connect, and the connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import cast

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.backends.amqp_channel import AMQPChannel, BrokerError, reason_of
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.pika_internals import protocol_of
from txsmtpx.backends.pika_types import ChannelLike, ProtocolLike
from txsmtpx.interfaces import ClientEndpoint, Reactor, clock_of
from txsmtpx.settling import deferred_call
from txsmtpx.wire.client_tls import ClientTLS, TrustRoots, tls_failure
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)

FIRST_DELAY = 1.0
"""Seconds from the first failure to the next attempt to connect."""

LONGEST_DELAY = 30.0
"""Seconds between two attempts at most."""


class AMQPConnection:
    """
    A connection that is opened at the first use, and again after a failure.

    Args:
        url: The broker.
        prepare: It is called with each new channel, before that is used, such as to declare a queue.
        timeout: The most seconds for a connection that can be used.
        trust_roots: The trusted authorities for TLS.  None: those of the system.
        client_certificate: The certificate that the broker gets; None for none.
        endpoint: It connects to the broker, without TLS.  None: the host and the port of the URL.
        reactor: The reactor.  None: the global one.

    Attributes:
        name: The broker, for the log.

    Raises:
        ImportError: pika is not installed.
        ValueError: The host has no name that TLS can verify, a file has no certificate, or there is one without TLS.
        OSError: A file cannot be read.
    """

    def __init__(
        self,
        url: AMQPURL,
        prepare: Callable[[ChannelLike], Awaitable[object]],
        timeout: float,
        trust_roots: TrustRoots | None,
        client_certificate: PrivateCertificate | None,
        endpoint: ClientEndpoint | None,
        reactor: Reactor | None,
    ) -> None:
        if find_spec("pika") is None:
            raise ImportError("pika is not installed: pip install 'txsmtpx[amqp]'")
        if not url.tls and (trust_roots is not None or client_certificate is not None):
            raise ValueError("certificates need TLS; write amqps: for amqp:")
        self.name: str = str(url)
        self._url = url
        self._prepare = prepare
        self._timeout = timeout
        self._tls = ClientTLS(url.host, trust_roots, client_certificate) if url.tls else None
        self._clock = clock_of(reactor)
        self._endpoint = endpoint
        self._protocol: ProtocolLike | None = None
        self._channel: AMQPChannel | None = None
        self._waiting: list[Deferred[AMQPChannel]] | None = None
        """The users that wait for the attempt to connect; None without an attempt."""
        self._attempt: Deferred[None] = succeed(None)
        self._failures = 0
        self._failure = ""
        self._retry_at = 0.0

    @property
    def delay(self) -> float:
        """Seconds until the next attempt to connect may begin."""
        return max(0.0, self._retry_at - self._clock.seconds()) if self._failures else 0.0

    async def channel(self) -> AMQPChannel:
        """
        Return the channel; open it if there is none.

        Returns:
            The channel.

        Raises:
            BrokerError: The broker cannot be used, or has failed a moment ago.
        """
        if self._channel is not None and self._channel.usable:
            return self._channel
        if self._waiting is None and self.delay > 0:
            raise BrokerError(f"{self.name}: {self._failure}")
        waiter: Deferred[AMQPChannel] = Deferred(self._gone)
        if self._waiting is not None:
            self._waiting.append(waiter)
        else:
            self._waiting = [waiter]
            connecting = deferred_call(self._connect).addTimeout(self._timeout, cast(IReactorTime, self._clock))
            self._attempt = connecting.addCallbacks(self._connected, self._not_connected)
        return await waiter

    def _gone(self, waiter: Deferred[AMQPChannel]) -> None:
        if self._waiting is not None and waiter in self._waiting:
            self._waiting.remove(waiter)

    async def _connect(self) -> AMQPChannel:
        protocol = protocol_of(self._url, self._clock)
        ready = protocol.ready  # pika removes it when it fires
        url = self._url
        endpoint: ClientEndpoint = self._endpoint or HostnameEndpoint(self._clock, url.host, url.port, self._timeout)
        if self._tls is not None:
            endpoint = wrapClientTLS(self._tls, cast(IStreamClientEndpoint, endpoint))
        await endpoint.connect(_Factory(protocol))
        try:
            await ready
            channel = await protocol.channel()
            await channel.confirm_delivery()
            found = AMQPChannel(channel, self.name)
            await self._prepare(channel)
        except BaseException as error:
            protocol.transport.abortConnection()
            if protocol.reason is not None:
                raise tls_failure(self._tls, protocol.reason, handshaking=True) or protocol.reason from error
            raise
        self._protocol = protocol
        return found

    def _connected(self, channel: AMQPChannel) -> None:
        if self._failures:
            log.info("{name} is used again", name=self.name)
        self._channel, self._failures = channel, 0
        channel.closed().addCallback(self._lost, channel)
        for waiter in self._waiters():
            waiter.callback(channel)

    def _not_connected(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, TimeoutError):
            self._fail(f"it cannot be used within {self._timeout:g} seconds")
        else:
            self._fail(reason_of(error))
        for waiter in self._waiters():
            waiter.errback(BrokerError(f"{self.name}: {self._failure}"))

    def _waiters(self) -> list[Deferred[AMQPChannel]]:
        waiting, self._waiting = self._waiting, None
        return waiting or []

    def _lost(self, reason: str, channel: AMQPChannel) -> None:
        if channel is self._channel:
            if self._protocol is not None and self._protocol.reason is not None:
                reason = reason_of(self._protocol.reason)
            log.error("{name} was lost: {reason}", name=self.name, reason=reason)
            self.abort()

    def _fail(self, text: str) -> None:
        if not self._failures or text != self._failure:
            log.error("{name} cannot be used: {text}", name=self.name, text=text)
        self._failure = text
        delay = min(FIRST_DELAY * 2 ** min(self._failures, 10), LONGEST_DELAY)
        self._failures += 1
        self._retry_at = self._clock.seconds() + delay

    def abort(self) -> None:
        """Close the connection now.  Messages without a confirmation fail.  The next use opens another connection."""
        self._channel = None
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.transport.abortConnection()

    async def close(self) -> None:
        """Close the connection, and wait until the broker has answered, for a limited time."""
        self._attempt.cancel()
        self._channel = None
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        try:
            closed = protocol.close()
            if closed is not None:
                await closed.addTimeout(self._timeout, cast(IReactorTime, self._clock))
        except Exception as error:  # it is closed already, or the broker does not answer
            log.debug("{name} is closed: {error}", name=self.name, error=error)
            protocol.transport.abortConnection()


class _Factory(UnloggedFactory):
    """A factory with one protocol."""

    def __init__(self, protocol: ProtocolLike) -> None:
        self._one = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """Return the protocol."""
        return cast(Protocol, self._one)
