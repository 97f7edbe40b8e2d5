"""
Who may ask: programs, and pages of the inbox itself.

A browser speaks for every page that it shows, also for one that wants to read the mail of whoever looks at it.  Such a
page can point its own name at 127.0.0.1 (DNS rebinding), so the inbox answers only to names it knows (RFC 9110 §7.4).
It can send requests without reading the answers (CSRF), so what a browser says of where a request comes from has to
be the inbox: ``Origin`` (RFC 6454) and ``Sec-Fetch-Site`` (Fetch Metadata).  Programs such as curl send neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from twisted.web.server import Request

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import domain_key
from txsmtpx.wire.http_site import values_of

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

SAFE = (b"GET", b"HEAD")


class SameOriginCheck:
    """
    Looks at each request before anything else does.

    Args:
        names: Host names by which the inbox may be called, besides ``localhost`` and addresses.

    Raises:
        ValueError: One is no domain.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = set(map(domain_key, names))

    def rejection(self, request: Request) -> str:
        """Why this ``request`` is not answered, "" if it is."""
        hosts = values_of(request, b"Host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return "This inbox does not answer to that host name; --web-host NAME adds one."
        origins = {_host_of(each) for each in values_of(request, b"Origin")}
        site = (values_of(request, b"Sec-Fetch-Site") or ["none"])[-1]
        mode = (values_of(request, b"Sec-Fetch-Mode") or [""])[-1]
        if request.method in SAFE:
            elsewhere = site not in ("none", "same-origin") and mode != "navigate"
        else:
            elsewhere = site not in ("none", "same-origin") or not origins <= {asciitext.lower(hosts[0])}
        return "That page is not of this inbox." if elsewhere else ""

    def _is_ours(self, host: str) -> bool:
        """An address cannot be pointed elsewhere, and a name under ``localhost`` is never asked of DNS (RFC 6761)."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = domain_key(found[1])
        if name == "localhost" or name.endswith(".localhost") or name in self._names:
            return True
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def _host_of(origin: str) -> str:
    """Host and port of ``origin``, "" for ``null``, which a page without an origin sends."""
    try:
        return asciitext.lower(urlsplit(origin).netloc)
    except ValueError:
        return ""
