"""
A connection to a web server, between its transport and Twisted's HTTP client.

Twisted's client limits neither the headers of an answer nor their number.  It ignores an answer that comes before the
end of a request until the request has been written.  A server that stops reading after such an answer would never get
the rest.  So a `WebConnection` counts what comes, and discards the rest of the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from txsmtpx.interfaces import ClientEndpoint, StreamTransport
from txsmtpx.wire.client_tls import ClientTLS, tls_failure

HEADERS = 64 * 1024
"""Octets of the headers of an answer.  Twisted's client limits a line to 16 KiB, but not their number."""

_INFORMATIONAL = re.compile(rb"HTTP/1\.[0-9] 1")


class WebConnection(ProtocolWrapper):
    """
    A connection to a web server.  `WebEndpoint` creates it.

    Attributes:
        early: True if an answer has come before the end of the request.
        used: The number of requests.
        heard: True if the server has sent something since the beginning of the present request.
        too_long: True if the connection was aborted since the server sent more than it may.
        reason: Why the connection was lost; None while it is open.

    Args:
        factory: The factory.
        inner: Twisted's HTTP client.
        tls: How the connection uses TLS; None without TLS.
    """

    def __init__(self, factory: WrappingFactory[WebConnection], inner: IProtocol, tls: ClientTLS | None) -> None:
        super().__init__(factory, inner)
        self.early: bool = False
        self.used: int = 0
        self.heard: bool = False
        self.too_long: bool = False
        self.reason: Failure | None = None
        self._tls = tls
        self._left = 0
        self._handshaking = tls is not None
        self._whole: Callable[[], bool] = lambda: True
        self._beginning = b""
        self._producer: IPushProducer | None = None

    def begin(self, limit: int, whole: Callable[[], bool]) -> None:
        """
        Begin a request.

        Args:
            limit: The octets of the answer's body.
            whole: Returns True after the end of the request.
        """
        self.used += 1
        self.heard = False
        self._left = HEADERS + 2 * limit  # twice, for the sizes of chunks
        self._whole = whole
        self._beginning = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Take octets of an answer.

        Args:
            data: The octets.
        """
        self.heard = True
        self._handshaking = False
        self._left -= len(data)
        if self._left < 0:
            self.too_long = True
            self.abort()
            return
        if not self.early and not self._whole():
            self._beginning += data[:16]
            if len(self._beginning) >= 10 and not _INFORMATIONAL.match(self._beginning):
                self._ignore_rest()
        self.wrappedProtocol.dataReceived(data)

    def abort(self) -> None:
        """Close the connection now."""
        self._out.abortConnection()

    @property
    def _out(self) -> StreamTransport:
        return cast(StreamTransport, self.transport)

    def _ignore_rest(self) -> None:
        self.early = True
        if self._producer is not None:
            self._out.unregisterProducer()
            self._producer.resumeProducing()

    def write(self, data: bytes) -> None:
        """
        Write octets of a request.

        Args:
            data: The octets.  They are discarded if the answer has come.
        """
        if not self.early:
            self._out.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Write octets of a request.

        Args:
            data: The octets in pieces.  They are discarded if the answer has come.
        """
        if not self.early:
            self._out.writeSequence(data)

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """
        Register the producer of a request's body.

        Args:
            producer: The producer.
            streaming: True.
        """
        self._producer = producer
        self._out.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Unregister the producer."""
        self._producer = None
        if not self.early:
            self._out.unregisterProducer()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End the connection.

        Args:
            reason: Why it was lost.
        """
        self.reason = reason
        super().connectionLost(reason)  # type: ignore[no-untyped-call]  # of Twisted

    def fault(self) -> str:
        """
        Describe why the connection was lost before the end of an answer.

        Returns:
            The description; ``""`` while the connection is open.
        """
        if self.too_long:
            return "the answer is too long"
        if self.reason is None:
            return ""
        failure = tls_failure(self._tls, self.reason.value, self._handshaking)
        if failure is not None:
            return str(failure)
        done = self.reason.check(ConnectionDone) is not None
        return f"the connection was {'closed' if done else 'lost'} before the end of the answer"


class _Connections(WrappingFactory):
    """Makes one `WebConnection`."""

    noisy = False
    made: WebConnection

    def __init__(self, factory: IProtocolFactory, tls: ClientTLS | None) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]  # of Twisted
        self._tls = tls

    def buildProtocol(self, addr: IAddress | None) -> WebConnection:
        self.made = WebConnection(
            cast("WrappingFactory[WebConnection]", self), self.wrappedFactory.buildProtocol(addr), self._tls
        )
        return self.made


def connect(
    endpoint: ClientEndpoint, factory: IProtocolFactory, tls: ClientTLS | None, clock: IReactorTime
) -> Deferred[IProtocol]:
    """
    Connect to a web server.

    Args:
        endpoint: The endpoint of the server.
        factory: It makes Twisted's HTTP client.
        tls: How the connection uses TLS; None without TLS.
        clock: Measures time.

    Returns:
        A Deferred of Twisted's HTTP client, whose transport is a `WebConnection`.
    """
    connections = _Connections(factory, tls)
    outer = connections if tls is None else TLSMemoryBIOFactory(tls, True, connections, clock)
    return endpoint.connect(cast(IProtocolFactory, outer)).addCallback(lambda _: connections.made.wrappedProtocol)
