"""One request to a web server: what treq and Twisted's HTTP client use in it, and why it has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.web.client import URI, Agent, HTTPConnectionPool, RequestGenerationFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from txsmtpx.wire.web_answer import WebAnswer, WebError, body_of, uncompressed
from txsmtpx.wire.web_body import TimedBody
from txsmtpx.wire.web_connection import WebConnection
from txsmtpx.wire.web_url import WebURL

R = TypeVar("R")


@implementer(IAgent, IAgentEndpointFactory, IStreamClientEndpoint)
class WebCall:
    """
    One request.  `txsmtpx.wire.web_request.WebClient` creates it.

    It is the agent that treq uses, the endpoint of that agent, and its pool, so that it knows its connection.

    Attributes:
        connection: The connection of the request; None before there is one.
        persistent: True: connections are kept (`HTTPConnectionPool.persistent`).

    Args:
        reactor: The reactor.
        url: The URL.
        connect: Connects to the server, with a factory of Twisted's HTTP client.
        pool: The connections that are kept.
        limit: The most octets of the body of the answer.
        body: The body of the request; None for none.
    """

    persistent = True

    def __init__(
        self,
        reactor: IReactorTime,
        url: WebURL,
        connect: Callable[[IProtocolFactory], Deferred[IProtocol]],
        pool: HTTPConnectionPool,
        limit: int,
        body: TimedBody | None,
    ) -> None:
        self.connection: WebConnection | None = None
        self._cancelled = False  # then Twisted's error is that of the aborted connection
        self._reactor = reactor
        self._url = url
        self._connect = connect
        self._pool = pool
        self._limit = limit
        self._body = body

    async def answer(self, method: str, headers: Headers) -> WebAnswer:
        """
        Send the request.

        Args:
            method: The method.
            headers: The headers.

        Returns:
            The answer.

        Raises:
            WebError: There is none.
            Exception: The body of the request has failed.
        """
        from treq.client import HTTPClient

        keep = False
        try:
            client = HTTPClient(self)
            response = await self._cancellable(
                client.request(
                    method, self._url.text, headers=headers, data=self._body, allow_redirects=False,
                    unbuffered=True, reactor=self._reactor,  # type: ignore[arg-type]  # treq's type is private
                )
            )  # fmt: skip
            body = await body_of(response, self._limit, self._closed)
            early = self.connection is not None and self.connection.early
            keep = not early
            return WebAnswer.of(response, body, early)
        except CancelledError:
            raise
        except Exception as error:
            if self._cancelled:
                raise CancelledError from error
            raise self._explained(error) from error
        finally:
            if self.connection is not None and not keep:
                self.connection.abort()
            if self._body is not None:
                self._body.stopProducing()

    @property
    def unheard(self) -> bool:
        """True if the server has closed a kept connection, as it may at any time, and has not answered on it."""
        connection = self.connection
        return connection is not None and connection.used > 1 and connection.reason is not None and not connection.heard

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        """
        Send the request (`IAgent.request`).

        Args:
            method: The method.
            uri: The URL.
            headers: The headers, with those of treq.
            bodyProducer: The body.

        Returns:
            A Deferred of the response.
        """
        sent = Headers() if headers is None else headers.copy()
        sent.setRawHeaders(b"Accept-Encoding", [b"identity"])  # a compressed answer of 64 KiB can hold 64 MiB
        agent = Agent.usingEndpointFactory(self._reactor, self, cast(HTTPConnectionPool, self))
        response: Deferred[IResponse] = agent.request(method, uri, sent, bodyProducer)
        return response.addCallback(uncompressed)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        Return the endpoint for a URL (`IAgentEndpointFactory.endpointForURI`).

        Args:
            uri: The URL.

        Returns:
            This object.
        """
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the server (`IStreamClientEndpoint.connect`).

        Args:
            protocolFactory: It makes Twisted's HTTP client.

        Returns:
            A Deferred of that client.
        """
        return self._connect(protocolFactory)

    def getConnection(self, key: object, endpoint: IStreamClientEndpoint) -> Deferred[IProtocol]:
        """
        Return a connection (`HTTPConnectionPool.getConnection`).

        Args:
            key: The server.
            endpoint: This object.

        Returns:
            A Deferred of Twisted's HTTP client.
        """
        return self._pool.getConnection(key, endpoint).addCallback(self._connected)

    def _cancellable(self, response: Deferred[R]) -> Deferred[R]:
        def cancel(_: object) -> None:
            self._cancelled = True
            response.cancel()

        waiting: Deferred[R] = Deferred(cancel)
        response.chainDeferred(waiting)
        return waiting

    def _connected(self, client: IProtocol) -> IProtocol:
        self.connection = cast(WebConnection, cast(Protocol, client).transport)
        self.connection.begin(self._limit, self._whole)
        return client

    def _whole(self) -> bool:
        return self._body is None or self._body.whole

    def _closed(self) -> bool:
        """Return whether the server has closed the connection, as the end of an answer without a length."""
        lost = self.connection and self.connection.reason
        return lost is None or lost.check(ConnectionDone) is not None

    def _explained(self, error: Exception) -> Exception:
        """Return the error for the caller."""
        if isinstance(error, WebError):
            return error
        if isinstance(error, RequestGenerationFailed):  # the body has failed, or was cancelled
            return cast(Exception, error.reasons[0].value)
        if self.connection is None:
            return WebError(f"cannot connect: {str(error).rstrip('.') or type(error).__name__}")
        return WebError(self.connection.fault() or "the answer is malformed")
