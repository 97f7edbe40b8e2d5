"""The server as a service: it listens on endpoints, and stops gracefully."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.interfaces import ServerEndpoint
from txsmtpx.setting import shown
from txsmtpx.wire.descriptors import Descriptors, accepting
from txsmtpx.wire.factory import SMTPServerFactory
from txsmtpx.wire.server_settings import SHUTDOWN_TIMEOUT

log = Logger(__name__)


class SMTPService(Service):
    """
    A server that listens on endpoints as long as it runs.

    While the process has few file descriptors left, no port of the process accepts a connection.

    Args:
        factory: The server.
        endpoints: Server endpoints, such as those of ``serverFromString``.
        shutdown_timeout: Abort transactions that are open N seconds after the server begins to stop.  Default: 30.

    Attributes:
        factory: The server.
        ports: The ports that listen.

    Raises:
        TypeError: An argument has the wrong type.
        SettingError: `shutdown_timeout` is negative, infinite or not a number.

    Example:
        >>> from twisted.internet import reactor
        >>> from twisted.internet.endpoints import serverFromString
        >>> from txsmtpx import MemoryBackend
        >>> endpoint = serverFromString(reactor, "tcp:2525")
        >>> service = SMTPService(SMTPServerFactory(MemoryBackend()), [endpoint])
    """

    def __init__(
        self,
        factory: SMTPServerFactory,
        endpoints: Sequence[IStreamServerEndpoint | ServerEndpoint],
        shutdown_timeout: float = SHUTDOWN_TIMEOUT.default,
    ) -> None:
        if not isinstance(factory, SMTPServerFactory):
            raise TypeError(f"factory must be an SMTPServerFactory, not {shown(factory)}")
        if isinstance(endpoints, str) or not isinstance(endpoints, Sequence):
            raise TypeError(f"endpoints must be a list of server endpoints, not {shown(endpoints)}")
        for endpoint in endpoints:
            if isinstance(endpoint, type) or not callable(getattr(endpoint, "listen", None)):
                raise TypeError(f"endpoints must be objects as serverFromString returns, not {shown(endpoint)}")
        SHUTDOWN_TIMEOUT.check(shutdown_timeout)
        self.factory = factory
        self.ports: list[IListeningPort] = []
        self._endpoints = endpoints
        self._shutdown_timeout = shutdown_timeout
        self._listening: list[Deferred[None]] = []
        self._failed: Failure | None = None

    def privilegedStartService(self) -> None:
        """
        Listen, before the process gives up its privileges.

        Raises:
            CannotListenError: A port cannot be opened.
        """
        if not self._listening:
            admission, reactor = self.factory.admission, self.factory.settings.clock
            admission.resume()
            admission.descriptors = Descriptors(reactor, lambda: accepting(reactor))
            self._failed = None
            self._listening = [self._listen(endpoint) for endpoint in self._endpoints]
        if self._failed is not None:
            self._failed.raiseException()

    def startService(self) -> None:
        """Listen, if the service does not listen yet."""
        Service.startService(self)
        self.privilegedStartService()

    def _listen(self, endpoint: IStreamServerEndpoint | ServerEndpoint) -> Deferred[None]:
        def failed(failure: Failure) -> None:
            if failure.check(CancelledError):
                return  # stopped meanwhile
            self._failed = failure
            log.critical("cannot listen: {error}", error=failure.getErrorMessage())

        return endpoint.listen(self.factory).addCallbacks(self.ports.append, failed)

    def stopService(self) -> Deferred[None]:
        """
        Stop accepting connections, then drain the factory.

        Returns:
            A Deferred that fires when no connection is left.
        """
        Service.stopService(self)
        for listening in self._listening:
            listening.cancel()
        ports, self.ports, self._listening = self.ports, [], []
        admission = self.factory.admission
        if admission.descriptors is not None:
            admission.descriptors.stop()
            admission.descriptors = None
        closed = gatherResults([_as_deferred(port.stopListening()) for port in ports])
        return closed.addCallback(lambda _: self.factory.drain(self._shutdown_timeout))


def _as_deferred(result: object) -> Deferred[object]:
    if isinstance(result, Deferred):
        return result
    done: Deferred[object] = Deferred()
    done.callback(result)
    return done
