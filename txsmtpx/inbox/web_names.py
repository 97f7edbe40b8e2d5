"""The names in the options of the web inbox: its path, and the origins of other sites.  They need no web server."""

from __future__ import annotations

import re

from txsmtpx.grammar import asciitext

UNIX = "unix"
"""The name of all clients of a UNIX socket, among the networks of proxies."""

PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
"""A path."""

_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


def web_path(text: str) -> str:
    """
    Parse the path of the inbox.

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
        The origin in lower case, as browsers send it.

    Raises:
        ValueError: It is not an origin.
    """
    origin = asciitext.lower(text)
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(f"must be an origin, such as https://app.example.org, not {text!r}")
    return origin
