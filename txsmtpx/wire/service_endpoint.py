"""The endpoint of a program that a filter or a login asks."""

from __future__ import annotations

from txsmtpx.interfaces import ClientEndpoint, Reactor
from txsmtpx.wire.target import target


def service_endpoint(reactor: Reactor, endpoint: ClientEndpoint | str) -> ClientEndpoint:
    """
    Return the endpoint of a program that speaks its protocol in the clear.

    Args:
        reactor: The reactor.
        endpoint: The endpoint, or its string, such as ``"unix:/run/clamd.sock"`` or ``"tcp:127.0.0.1:3310"``.

    Returns:
        The endpoint.

    Raises:
        ValueError: The string is none of an endpoint, or of one with TLS or for mail.

    Example:
        >>> from twisted.internet import reactor
        >>> service_endpoint(reactor, "mx:example.org")
        Traceback (most recent call last):
        ValueError: no endpoint of this program: mx:example.org; write tcp:HOST:PORT or unix:PATH
    """
    if isinstance(endpoint, str) and endpoint.partition(":")[0] in ("mx", "tls", "ssl", "haproxy"):
        raise ValueError(f"no endpoint of this program: {endpoint}; write tcp:HOST:PORT or unix:PATH")
    return target(reactor, endpoint).endpoint
