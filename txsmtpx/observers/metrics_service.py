"""The figures, over HTTP at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.exposition import choose_encoder
from twisted.application.service import MultiService
from twisted.application.strports import service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txsmtpx.observers.metrics_observer import MetricsSnapshot
from txsmtpx.observers.prometheus_collector import prometheus_registry
from txsmtpx.wire.http_channel import most_connections
from txsmtpx.wire.http_site import LimitedSite, values_of

log = Logger(__name__)

CONNECTIONS = 50
"""Connections at a time: a Prometheus has one, and keeps it."""


class MetricsResource(Resource):
    """
    ``/metrics``, in the form that who asks accepts.

    Args:
        ask: Gives the figures.
    """

    isLeaf = True

    def __init__(self, ask: Callable[[], MetricsSnapshot | Deferred[MetricsSnapshot]]) -> None:
        Resource.__init__(self)
        self._ask = ask

    def render_GET(self, request: Request) -> int:
        """All of it."""
        gone: list[object] = []
        request.notifyFinish().addBoth(gone.append)
        asked: Deferred[MetricsSnapshot] = maybeDeferred(self._ask)  # type: ignore[call-overload]  # of either, it says
        asked.addCallback(self._write, request, gone)
        asked.addErrback(self._fail, request, gone)
        return NOT_DONE_YET

    def _write(self, export: MetricsSnapshot, request: Request, gone: list[object]) -> None:
        if not gone:
            encode, content_type = _form(", ".join(values_of(request, b"Accept")))
            text = encode(prometheus_registry(export))
            request.setHeader("content-type", content_type)
            request.write(text)
            request.finish()

    def _fail(self, failure: Failure, request: Request, gone: list[object]) -> None:
        log.failure("no figures for a client", failure)
        if not gone:
            request.setResponseCode(503)
            request.setHeader("content-type", "text/plain; charset=utf-8")
            request.write(b"There are no figures now; the log says why.\n")
            request.finish()


def _form(accept: str) -> tuple[Callable[[Any], bytes], str]:
    """The form that ``accept``, a list of types (RFC 9110 §12.5.1), asks for, and its type."""
    try:
        return choose_encoder(accept)
    except Exception:  # such as: a version that is no number
        return choose_encoder("")


class MetricsService(MultiService):
    """
    Listens for Prometheus.

    Args:
        endpoint: The description of a server endpoint.

    Raises:
        ValueError: There is no such endpoint; each kind of them raises others too.
    """

    def __init__(
        self, ask: Callable[[], MetricsSnapshot | Deferred[MetricsSnapshot]], endpoint: str, reactor: Any
    ) -> None:
        MultiService.__init__(self)
        root = Resource()
        root.putChild(b"metrics", MetricsResource(ask))
        site = LimitedSite(root, reactor, "the port of figures", most_connections(CONNECTIONS))
        MultiService.addService(self, service(endpoint, site, reactor))
