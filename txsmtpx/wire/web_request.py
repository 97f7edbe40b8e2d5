"""
Requests to web servers, by treq.  They need an extra that installs it, such as ``txsmtpx[http]``.

A request follows no redirect, sends no cookie, and asks for an answer that is not compressed.  Its time, the size of
its answer and the number of connections are limited, and certificates are verified.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime
from twisted.internet.ssl import PrivateCertificate
from twisted.web.client import HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer

from txsmtpx.interfaces import ClientEndpoint, Reactor, clock_of
from txsmtpx.wire.client_tls import ClientTLS, TrustRoots, check_trust_roots
from txsmtpx.wire.time_budget import TimeBudget
from txsmtpx.wire.web_answer import WebAnswer, WebError
from txsmtpx.wire.web_body import Octets, TimedBody
from txsmtpx.wire.web_call import WebCall
from txsmtpx.wire.web_connection import connect
from txsmtpx.wire.web_url import WebURL

__all__ = ["WebAnswer", "WebClient", "WebError"]

IDLE = 4.0
"""Seconds for which a connection is kept.  uvicorn and Node close an idle connection after 5 seconds."""


class WebClient:
    """
    Sends requests to web servers, over connections that are kept for a few seconds.

    Its user creates it, and closes it at the end.

    Args:
        reactor: The reactor.  None: the global one.
        trust_roots: What certificates are verified with: the path of a PEM file, or a trust root.  None: the roots of
            the system.
        certificate: The certificate that the client shows; None for none.
        timeout: The most seconds for a request, in which the server is waited for.  Time in which an `IBodyProducer`
            has nothing to write does not count.
        max_answer_bytes: The most octets of the body of an answer.
        connections: The most requests at a time.  Further ones wait, within their time.
        endpoint: The endpoint to connect to instead of host and port of the URL, such as a UNIX socket; None for the
            URL.

    Raises:
        ImportError: treq is not installed.
        ValueError: A value cannot be used.

    Example:
        ::

            client = WebClient(timeout=10)
            answer = await client.request("GET", "https://login.example.org/keys", [("Accept", "application/json")])
            if answer.status == 200:
                keys = json.loads(answer.body)
            await client.close()
    """

    def __init__(
        self,
        reactor: Reactor | None = None,
        trust_roots: TrustRoots | None = None,
        certificate: PrivateCertificate | None = None,
        timeout: float = 30.0,
        max_answer_bytes: int = 65536,
        connections: int = 10,
        endpoint: ClientEndpoint | None = None,
    ) -> None:
        if find_spec("treq") is None:
            raise ImportError("treq is not installed: pip install treq; the extras http and oauth of txsmtpx have it")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout is a number of seconds above 0, not {timeout}")
        if connections < 1:
            raise ValueError(f"connections is a number from 1, not {connections}")
        if isinstance(trust_roots, str | os.PathLike):
            check_trust_roots(trust_roots)
        self._reactor = cast(IReactorTime, clock_of(reactor))
        self._trust_roots = trust_roots
        self._certificate = certificate
        self._timeout = timeout
        self._limit = max_answer_bytes
        self._turns = DeferredSemaphore(connections)
        self._endpoint = endpoint
        self._pool = HTTPConnectionPool(self._reactor)
        self._pool.retryAutomatically = False
        self._pool.maxPersistentPerHost = connections
        self._pool.cachedConnectionTimeout = IDLE  # type: ignore[assignment]  # any number of seconds

    def request(
        self,
        method: str,
        url: str | WebURL,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | IBodyProducer | None = None,
    ) -> Deferred[WebAnswer]:
        """
        Send a request.

        Args:
            method: The method, such as "GET".
            url: The URL.  The login of a URL is sent as an Authorization header (RFC 7617).
            headers: Names and values.
            body: The body; None for none.

        Returns:
            A Deferred of the answer, whatever its status is.  It fails with `WebError` if there is none; with the error
            of an `IBodyProducer` that fails.  To cancel it aborts the connection.

        Raises:
            ValueError: The URL or a header cannot be sent.
        """
        url = url if isinstance(url, WebURL) else WebURL.parsed(url)
        sent = _headers(url, headers)
        budget = TimeBudget(self._reactor, self._timeout, lambda: running.cancel())
        running = Deferred.fromCoroutine(self._request(method, url, sent, body, budget))
        return running

    def close(self) -> Deferred[None]:
        """
        Close the connections that are kept.

        Returns:
            A Deferred that fires when they are closed.
        """
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    async def _request(
        self, method: str, url: WebURL, headers: Headers, body: bytes | IBodyProducer | None, budget: TimeBudget
    ) -> WebAnswer:
        budget.start()
        try:
            await self._turns.acquire()
            try:
                return await self._answer(method, url, headers, body, budget)
            finally:
                self._turns.release()
        except CancelledError:
            if budget.spent:
                raise WebError(f"no answer within {self._timeout:g} seconds") from None
            raise
        finally:
            budget.end()

    async def _answer(
        self, method: str, url: WebURL, headers: Headers, body: bytes | IBodyProducer | None, budget: TimeBudget
    ) -> WebAnswer:
        def call() -> WebCall:
            timed = None if body is None else TimedBody(Octets(body) if isinstance(body, bytes) else body, budget)
            return WebCall(
                self._reactor, url, lambda factory: self._connect(url, factory), self._pool, self._limit, timed
            )

        first = call()
        try:
            return await first.answer(method, headers)
        except WebError:
            if method != "GET" or not first.unheard:  # another method could be executed twice
                raise
        return await call().answer(method, headers)

    def _connect(self, url: WebURL, factory: IProtocolFactory) -> Deferred[IProtocol]:
        tls = ClientTLS(url.host, self._trust_roots, self._certificate) if url.tls else None
        endpoint = self._endpoint or HostnameEndpoint(self._reactor, url.host, url.port, timeout=self._timeout)
        return connect(endpoint, factory, tls, self._reactor)


def _headers(url: WebURL, given: Iterable[tuple[str, str]]) -> Headers:
    headers = Headers()
    if url.authorization is not None:
        headers.addRawHeader("Authorization", url.authorization)
    for name, value in given:
        if not value.isascii() or not (value.isprintable() or not value):
            raise ValueError(f"the header {name} can have printable characters of ASCII only")
        headers.addRawHeader(name, value)
    return headers
