"""Serve the metrics over HTTP at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry
from twisted.application.service import MultiService
from twisted.application.strports import service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorCore, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txsmtpx.interfaces import Reactor
from txsmtpx.observers.metrics_observer import MetricsSnapshot
from txsmtpx.observers.prometheus_collector import prometheus_registry
from txsmtpx.wire.http_channel import most_connections
from txsmtpx.wire.http_site import LimitedSite, values_of

log = Logger(__name__)

CONNECTIONS = 50
"""Connections.  A Prometheus server opens one, and keeps it for the next requests."""

MetricsSource = Callable[[], MetricsSnapshot | Deferred[MetricsSnapshot]]
"""A function that returns the metrics, or a Deferred of them.  With ``--workers``, the workers have to be asked."""


class IMetricsReactor(IReactorCore, IReactorTime):
    """Listen on a port, and keep the time.  Twisted's reactors do both."""


class MetricsResource(Resource):
    """
    ``/metrics``, in the format that the client accepts.

    Args:
        source: It returns the metrics.
    """

    isLeaf = True

    def __init__(self, source: MetricsSource) -> None:
        Resource.__init__(self)
        self._source = source

    def render_GET(self, request: Request) -> int:
        """
        Answer with the metrics, or with 503 if they cannot be collected.

        Args:
            request: The request.

        Returns:
            ``NOT_DONE_YET``.
        """
        disconnected: list[object] = []
        request.notifyFinish().addBoth(disconnected.append)
        # Twisted's overloads do not cover a function that returns either a value or a Deferred.
        collected: Deferred[MetricsSnapshot] = maybeDeferred(self._source)  # type: ignore[call-overload]
        collected.addCallback(self._write, request, disconnected)
        collected.addErrback(self._fail, request, disconnected)
        return NOT_DONE_YET

    def _write(self, export: MetricsSnapshot, request: Request, disconnected: list[object]) -> None:
        if not disconnected:
            encode, content_type = _encoder(", ".join(values_of(request, b"Accept")))
            text = encode(prometheus_registry(export))
            request.setHeader("content-type", content_type)
            request.write(text)
            request.finish()

    def _fail(self, failure: Failure, request: Request, disconnected: list[object]) -> None:
        log.failure("cannot collect the metrics for a client", failure)
        if not disconnected:
            request.setResponseCode(503)
            request.setHeader("content-type", "text/plain; charset=utf-8")
            request.write(b"The metrics cannot be collected now. The log has the reason.\n")
            request.finish()


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return the encoder and the content type for the value of an Accept field (RFC 9110 §12.5.1)."""
    try:
        return choose_encoder(accept)
    except Exception:  # the client library raises ValueError for a version that is not a number
        return choose_encoder("")


class MetricsService(MultiService):
    """
    Serve the metrics to Prometheus.  ``twistd smtpx --metrics`` creates it.

    Args:
        source: It returns the metrics.
        endpoint: The description of a server endpoint, such as ``tcp:9125:interface=127.0.0.1``.
        reactor: The reactor.

    Raises:
        ValueError: The description is wrong.  Some kinds of endpoints raise other exceptions.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx.observers.metrics_observer import MetricsObserver
        >>> metrics = MetricsObserver()
        >>> service = MetricsService(metrics.export, "tcp:9125:interface=127.0.0.1", reactor)
    """

    def __init__(self, source: MetricsSource, endpoint: str, reactor: IMetricsReactor | Reactor) -> None:
        MultiService.__init__(self)
        clock = cast(IMetricsReactor, reactor)
        root = Resource()
        root.putChild(b"metrics", MetricsResource(source))
        site = LimitedSite(root, clock, "the metrics port", most_connections(CONNECTIONS))
        MultiService.addService(self, service(endpoint, site, clock))
