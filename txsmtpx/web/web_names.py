"""The names in the options of a web site: its path, and the origins of other sites.  They need no web server."""

from __future__ import annotations

import re

from txsmtpx.grammar import asciitext

UNIX = "unix"
"""The name of all clients of a UNIX socket, among the networks of proxies."""

PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
"""A path."""

_ORIGIN = re.compile(r"(https?)://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")

_DEFAULT_PORTS = {"http": "80", "https": "443"}
"""The ports that browsers leave out of an origin."""


def web_path(text: str) -> str:
    """
    Parse the path of a site.

    Args:
        text: The path, such as ``/mail``.

    Returns:
        The path without a slash at its end; "" for the root.

    Raises:
        ValueError: It is not a path, or has other characters than letters, digits and ``._~-``.

    Example:
        >>> web_path("/mail/"), web_path("/")
        ('/mail', '')
    """
    path = text.rstrip("/")
    if not text.startswith("/") or not PATH.fullmatch(text) or {".", ".."} & set(path.split("/")):
        raise ValueError(f"must be a path of letters, digits and ._~-, such as /mail, not {text!r}")
    return path


def web_origin(text: str) -> str:
    """
    Parse the origin of a site.

    Args:
        text: The origin (RFC 6454), such as ``https://app.example.org``.

    Returns:
        The origin as browsers send it: in lower case, and without the default port of its scheme.

    Raises:
        ValueError: It is not an origin.
    """
    origin = asciitext.lower(text)
    parts = _ORIGIN.fullmatch(origin)
    if not parts:
        shorter = _ORIGIN.match(origin)
        hint = f"; write {shorter[0]}" if shorter and origin[shorter.end() :].startswith("/") else ""
        raise ValueError(f"must be an origin, such as https://app.example.org, not {text!r}{hint}")
    scheme, port = parts.groups()
    return origin.removesuffix(f":{port}") if port == _DEFAULT_PORTS[scheme] else origin
