"""
The server as a service: endpoints that listen, a graceful stop.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.wire.descriptors import Descriptors, accepting
from txsmtpx.wire.factory import SMTPServerFactory

log = Logger(__name__)


class SMTPService(Service):
    """
    Listens on endpoints.

    As long as the process is short of file descriptors, no port of the process accepts a connection.

    ``stopService`` stops accepting, says 421 4.3.2 to the idle, lets transactions finish until the
    deadline, then aborts them.

    Attributes:
        ports: Those that listen.

    Args:
        factory: Makes what speaks on all of them.
        endpoints: Server endpoints, such as those of ``serverFromString``.
        shutdown_timeout: Seconds that open transactions are given.
    """

    def __init__(
        self, factory: SMTPServerFactory, endpoints: Sequence[IStreamServerEndpoint], shutdown_timeout: float = 30
    ) -> None:
        self.factory = factory
        self.ports: list[IListeningPort] = []
        self._endpoints = endpoints
        self._shutdown_timeout = shutdown_timeout
        self._listening: list[Deferred[None]] = []
        self._failed: Failure | None = None

    def privilegedStartService(self) -> None:
        """
        Listen, before the process gives its rights away.

        Raises:
            CannotListenError: A port is not to be had.
        """
        if not self._listening:
            self.factory.resume()
            reactor = self.factory.settings.clock
            self.factory.descriptors = Descriptors(reactor, lambda: accepting(reactor))
            self._failed = None
            self._listening = [self._listen(endpoint) for endpoint in self._endpoints]
        if self._failed is not None:
            self._failed.raiseException()

    def startService(self) -> None:
        """Listen, where that has not been done."""
        Service.startService(self)
        self.privilegedStartService()

    def _listen(self, endpoint: IStreamServerEndpoint) -> Deferred[None]:
        def failed(failure: Failure) -> None:
            if failure.check(CancelledError):
                return  # stopped meanwhile
            self._failed = failure
            log.critical("cannot listen: {error}", error=failure.getErrorMessage())

        return endpoint.listen(self.factory).addCallbacks(self.ports.append, failed)

    def stopService(self) -> Deferred[None]:
        """Stop gracefully; fires when all is over."""
        Service.stopService(self)
        for listening in self._listening:
            listening.cancel()
        ports, self.ports, self._listening = self.ports, [], []
        if self.factory.descriptors is not None:
            self.factory.descriptors.stop()
            self.factory.descriptors = None
        closed = gatherResults([_as_deferred(port.stopListening()) for port in ports])
        return closed.addCallback(lambda _: self.factory.drain(self._shutdown_timeout))


def _as_deferred(result: object) -> Deferred[object]:
    if isinstance(result, Deferred):
        return result
    done: Deferred[object] = Deferred()
    done.callback(result)
    return done
