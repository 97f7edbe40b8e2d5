"""
The figures, over HTTP at C{/metrics}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.exposition import choose_encoder
from twisted.application.service import MultiService
from twisted.application.strports import service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from txsmtpx.metrics.exposition import registry_of
from txsmtpx.metrics.figures import Export
from txsmtpx.wire.auxiliary import AuxiliaryFactory

CONNECTIONS = 50
"""Connections at a time: a Prometheus has one, and keeps it."""


class FiguresPage(Resource):
    """C{/metrics}, in the form that who asks accepts."""

    isLeaf = True

    def __init__(self, ask: Callable[[], Export | Deferred[Export]]) -> None:
        """
        @param ask: gives the figures.
        """
        Resource.__init__(self)
        self._ask = ask

    def render_GET(self, request: Request) -> int:
        """All of it."""
        gone: list[object] = []
        request.notifyFinish().addBoth(gone.append)
        asked: Deferred[Export] = maybeDeferred(self._ask)  # type: ignore[call-overload]  # of either, it says
        asked.addCallback(self._write, request, gone)
        asked.addErrback(self._fail, request, gone)
        return NOT_DONE_YET

    def _write(self, export: Export, request: Request, gone: list[object]) -> None:
        accept = request.getHeader("accept") or ""
        encode, content_type = choose_encoder(accept)
        text = encode(registry_of(export))
        if not gone:
            request.setHeader("content-type", content_type)
            request.write(text)
            request.finish()

    def _fail(self, failure: Failure, request: Request, gone: list[object]) -> None:
        if not gone:
            request.setResponseCode(503)
            request.setHeader("content-type", "text/plain; charset=utf-8")
            request.write(f"{failure.getErrorMessage()}\n".encode())
            request.finish()


class MetricsService(MultiService):
    """Listens for Prometheus."""

    def __init__(self, ask: Callable[[], Export | Deferred[Export]], endpoint: str, reactor: Any) -> None:
        """
        @param endpoint: the description of a server endpoint.
        @raise ValueError: there is no such endpoint; each kind of them raises others too.
        """
        MultiService.__init__(self)
        root = Resource()
        root.putChild(b"metrics", FiguresPage(ask))
        site = MetricsSite(root, reactor=reactor)  # type: ignore[no-untyped-call]
        factory = AuxiliaryFactory(site, "the port of figures", CONNECTIONS)
        MultiService.addService(self, service(endpoint, factory, reactor))


class MetricsSite(Site):
    """Has no log of its own: a line every fifteen seconds tells nobody anything."""

    noisy = False

    def log(self, request: Any) -> None:
        """Not that."""

    def acceptableProtocols(self) -> list[bytes]:
        """Return what is spoken over TLS (RFC 7301), also where Twisted could speak HTTP/2."""
        return [b"http/1.1"]
