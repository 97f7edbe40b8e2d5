"""The protocol of a connection to a broker.  Every use of a private name of pika is here, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from twisted.python.failure import Failure

from txsmtpx.backends.amqp_frames import FrameCheck
from txsmtpx.backends.amqp_url import AMQPURL
from txsmtpx.backends.pika_types import ProtocolLike

HEARTBEAT = 30
"""Seconds after which a broker that sends nothing has failed.  RabbitMQ proposes 60."""


def protocol_of(url: AMQPURL, clock: object) -> ProtocolLike:
    """
    Create the protocol of a connection.

    Args:
        url: The broker.
        clock: The reactor.

    Returns:
        The protocol.
    """
    from pika import ConnectionParameters, PlainCredentials

    parameters = ConnectionParameters(
        host=url.host,
        port=url.port,
        virtual_host=url.vhost,
        credentials=PlainCredentials(url.username, url.password),
        heartbeat=HEARTBEAT,
        client_properties={"product": "txsmtpx", "connection_name": "txsmtpx"},
    )
    return _protocol_class()(parameters, custom_reactor=clock)


@cache
def _protocol_class() -> Callable[..., ProtocolLike]:
    # Imported when it is needed, since this installs the reactor.
    from pika.adapters.twisted_connection import TwistedProtocolConnection

    # Without a handler of the program, Python writes pika's warnings to the standard error, which is the server's log.
    logging.getLogger("pika").addHandler(logging.NullHandler())

    class CheckedConnection(TwistedProtocolConnection):  # type: ignore[misc]  # it is not typed
        """A connection that keeps the reason of its end, and ends it at what is not AMQP."""

        def __init__(self, parameters: object, custom_reactor: object) -> None:
            super().__init__(parameters, custom_reactor=custom_reactor)
            self.reason: BaseException | None = None
            self._frames = FrameCheck()

        def dataReceived(self, data: bytes) -> None:
            if self.reason is None:
                try:
                    self._frames.check(data)
                    super().dataReceived(data)
                except Exception as error:
                    self.reason = error
                    self.transport.abortConnection()

        def connectionLost(self, reason: Failure) -> None:
            # pika has the reason of the broker here, and replaces it by that of the transport.
            self.reason = self.reason or self._impl._error or reason.value
            super().connectionLost(reason)

    return CheckedConnection
