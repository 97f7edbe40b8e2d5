"""The endpoint of a program that a filter asks: what is accepted, and what is refused when it is given."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint

from txsmtpx.wire.service_endpoint import service_endpoint


def test_a_string() -> None:
    assert isinstance(service_endpoint(reactor, "unix:/run/x.sock"), UNIXClientEndpoint)
    assert isinstance(service_endpoint(reactor, "tcp:127.0.0.1:3310"), HostnameEndpoint)


def test_an_endpoint_is_used_as_it_is() -> None:
    endpoint = UNIXClientEndpoint(reactor, "/run/x.sock")
    assert service_endpoint(reactor, endpoint) is endpoint


@pytest.mark.parametrize(("text", "error"), [
    ("", "no endpoint: "),
    ("unix:", "missing: path"),
    ("tcp:127.0.0.1", "missing: port"),
    ("tcp:127.0.0.1:0", "0 is no port"),
    ("tcp:127.0.0.1:x", "'x' is no number"),
    ("tpc:127.0.0.1:1", "no kind of endpoint is called 'tpc'"),
    ("tls:clamd.example:3310", "no endpoint of this program: tls:"),
    ("mx:example.org", "no endpoint of this program: mx:"),
    ("haproxy:v1:tcp:127.0.0.1:1", "no endpoint of this program: haproxy:"),
])  # fmt: skip
def test_what_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        service_endpoint(reactor, text)
