"""A web service that knows about tokens: it has the keys of an issuer, or is asked about each token."""

from __future__ import annotations

import ipaddress
import json

from txsmtpx.wire.web_url import WebURL


class TokenServiceError(Exception):
    """The service cannot be asked, or has no answer that can be used.  The text is for the log."""


def service_url(text: str) -> WebURL:
    """
    Parse the URL of a service.

    Args:
        text: The URL.

    Returns:
        The URL.

    Raises:
        ValueError: It is no URL, or one of HTTP to another host, where an attacker on the network path could answer.

    Example:
        >>> service_url("http://login.example.org/keys")
        Traceback (most recent call last):
        ValueError: 'http://login.example.org/keys' must begin with https, since it is not on this host
    """
    url = WebURL.parsed(text)
    if not url.tls and not _is_here(url.host):
        raise ValueError(f"{url.shown!r} must begin with https, since it is not on this host")
    return url


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def json_object(octets: bytes) -> dict[str, object]:
    """
    Read the answer of a service.

    Args:
        octets: The body.

    Returns:
        The object.

    Raises:
        TokenServiceError: It is no JSON, or no object.
    """
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenServiceError("its answer is no JSON object")
    return found
