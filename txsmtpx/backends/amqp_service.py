"""The connection to a broker as a service: it is opened at the start of a server, and closed at its end."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txsmtpx.backends.amqp_channel import BrokerError
from txsmtpx.backends.amqp_connection import AMQPConnection
from txsmtpx.backends.amqp_publisher import AMQPPublisher
from txsmtpx.settling import deferred_call

log = Logger(__name__)


class AMQPService(Service):
    """
    A service that connects to a broker before the first message, so that the log has a failure.

    If the broker cannot be used, the server runs: each message is rejected by 451 until it can be used.

    Args:
        connection: The connection.
        publisher: The publisher on it, whose messages are confirmed before the connection is closed.
    """

    def __init__(self, connection: AMQPConnection, publisher: AMQPPublisher) -> None:
        self._connection = connection
        self._publisher = publisher

    def startService(self) -> None:
        """Connect."""
        super().startService()  # type: ignore[no-untyped-call]  # of Twisted
        deferred_call(self._connection.channel).addCallbacks(self._used, lambda failure: failure.trap(BrokerError))

    def _used(self, channel: object) -> None:
        log.info("{name} is used", name=self._connection.name)

    def stopService(self) -> Deferred[None]:
        """
        Wait for the confirmations of messages, and close the connection.

        Returns:
            A Deferred that fires when it is closed.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        return deferred_call(self._stop)

    async def _stop(self) -> None:
        await self._publisher.idle()
        await self._connection.close()
