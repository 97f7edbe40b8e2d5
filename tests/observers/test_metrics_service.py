"""The page of the figures, in memory: whatever a client sends, it has figures or a short error."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource

from txsmtpx.observers.metrics_observer import MetricsObserver
from txsmtpx.observers.metrics_service import MetricsResource
from txsmtpx.wire.http_site import LimitedSite


def answer(ask, *fields):
    """What a client gets that sends these header fields."""
    clock, root = Clock(), Resource()
    root.putChild(b"metrics", MetricsResource(ask))
    site = LimitedSite(root, clock, "the port", 10)
    site.startFactory()
    protocol = site.buildProtocol(None)
    protocol.makeConnection(StringTransport())
    protocol.dataReceived(b"\r\n".join([b"GET /metrics HTTP/1.1", b"Host: x", b"Connection: close", *fields, b"", b""]))
    clock.advance(0)
    site.stopFactory()
    return protocol.transport.value()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (b"", b"text/plain; version=0.0.4"),
        (b"*/*", b"text/plain; version=0.0.4"),
        (b"application/openmetrics-text; version=1.0.0", b"application/openmetrics-text; version=1.0.0"),
        (b"text/plain; version=none", b"text/plain; version=0.0.4"),
        (b"application/openmetrics-text; version=1.x, */*", b"text/plain; version=0.0.4"),
        (b"\xff\xfe; \xe9=", b"text/plain; version=0.0.4"),
        (b",;=" * 1000, b"text/plain; version=0.0.4"),
    ],
)
def test_any_accept(accept, content_type):
    found = answer(lambda: succeed(MetricsObserver().export()), b"Accept: " + accept)
    assert found.startswith(b"HTTP/1.1 200")
    assert b"Content-Type: " + content_type in found
    assert b"txsmtpx_open_connections" in found


def test_no_figures(logged_failures):
    """The client gets no text of an exception."""
    found = answer(lambda: fail(ZeroDivisionError("secret")))
    assert found.startswith(b"HTTP/1.1 503")
    assert found.endswith(b"The metrics cannot be collected now. The log has the reason.\n\r\n0\r\n\r\n")
    assert len(logged_failures.flush(ZeroDivisionError)) == 1
