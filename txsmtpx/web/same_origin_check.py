"""
Check that a request comes from a program, or from a page of the site itself.

A browser sends requests for every page that it displays, also for a page that tries to read the user's mail.

  - Such a page can let its own host name resolve to 127.0.0.1 (DNS rebinding).  So the site accepts only host names
    that it knows (RFC 9110 §7.4).
  - It can send requests without reading the responses (cross-site request forgery).  So the headers ``Origin``
    (RFC 6454) and ``Sec-Fetch-Site`` (Fetch Metadata), if present, need to name the site.  Programs such as curl send
    neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from twisted.web.server import Request

from txsmtpx.grammar import asciitext, path
from txsmtpx.grammar.domain import domain_key
from txsmtpx.web.site_name import SiteName
from txsmtpx.web.site_request import address_of
from txsmtpx.wire.http_site import values_of

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

SAFE = (b"GET", b"HEAD")
"""The methods that change nothing (RFC 9110 §9.2.1)."""


class SameOriginCheck:
    """
    Check each request before any resource handles it.  `CheckedSite` creates one.

    Args:
        site: The name of the site.
        names: Host names that are accepted, besides ``localhost`` and IP addresses.

    Raises:
        ValueError: A name is not a domain.
    """

    def __init__(self, site: SiteName, names: Iterable[str] = ()) -> None:
        self._site = site
        self._names = set()
        for name in names:
            try:
                path.check_domain_part(name)
                self._names.add(domain_key(name))
            except ValueError as error:
                text = f"a host name of the {site.name} must be a domain, such as devbox, not {name!r}"
                raise ValueError(text) from error

    def rejection(self, request: Request, allowed: bool = False) -> str:
        """
        Check a request.

        Args:
            request: The request.
            allowed: True if it comes from a page of another site that may send it, see `CrossOriginAccess`.

        Returns:
            The text of a 403 response, "" if the request is accepted.
        """
        host = address_of(request).host
        if not self._is_known(host):
            text = f"{self._site.beginning} does not accept this host name. To accept it, start the server with"
            return f"{text} {self._site.named('host')} NAME."
        if allowed:
            return ""
        origins = {_host_of(each) for each in values_of(request, b"Origin")}
        site = (values_of(request, b"Sec-Fetch-Site") or ["none"])[-1]
        mode = (values_of(request, b"Sec-Fetch-Mode") or [""])[-1]
        if request.method in SAFE:
            # A link from another site is a navigation.  That site cannot read the page that opens.
            foreign = site not in ("none", "same-origin") and mode != "navigate"
        else:
            foreign = site not in ("none", "same-origin") or not origins <= {asciitext.lower(host)}
        text = f"{self._site.beginning} accepts requests from its own pages only, not from those of other sites."
        return text if foreign else ""

    def _is_known(self, host: str) -> bool:
        """Return True for known names, IP addresses, and names under localhost, which DNS does not have (RFC 6761)."""
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
    """Return the host and the port of an origin, "" for the origin "null", which sandboxed pages send."""
    try:
        return asciitext.lower(urlsplit(origin).netloc)
    except ValueError:
        return ""
