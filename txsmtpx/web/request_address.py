"""
the address by which a browser calls a site, also behind a reverse proxy.

Theory of operation: a proxy names the host, the scheme, the path and the client in fields of the request
(``X-Forwarded-Host``, ``-Proto``, ``-Prefix``, ``-For``).  Any client can send these fields.  So they are read only if
the connection comes from a proxy that is trusted.  A proxy appends its value to that of the client; so the last value
counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.web.server import Request

from txsmtpx.grammar.host import plain_address, plain_network
from txsmtpx.web.web_names import PATH, UNIX, web_path
from txsmtpx.wire.http_site import values_of


@dataclass(frozen=True)
class RequestAddress:
    """
    Describe the address of one request, as the browser has it.

    Attributes:
        host: The host and the port; "" if it is unknown.
        scheme: "http" or "https".
        prefix: The path of the site, such as "/mail"; "" for the root.
        depth: The segments of this path that the request to this server has.
        client: The IP address of the client; "" if it is unknown.
    """

    host: str
    scheme: str
    prefix: str
    depth: int
    client: str

    @property
    def url(self) -> str:
        """The URL of the site, without a slash at its end."""
        return f"{self.scheme}://{self.host}{self.prefix}"


class RequestAddresses:
    """
    Find the addresses of requests.  `CheckedSite` creates one.

    Attributes:
        path: The path of the site on this server, "" for the root.

    Args:
        path: The path of the site on this server.
        proxies: The networks of proxies that are trusted, and `UNIX`.

    Raises:
        ValueError: The path or a network is wrong.
    """

    def __init__(self, path: str = "/", proxies: Iterable[str] = ()) -> None:
        proxies = list(proxies)
        self.path = web_path(path)
        self._networks = [plain_network(each) for each in proxies if each != UNIX]
        self._unix = UNIX in proxies

    def of(self, request: Request) -> RequestAddress:
        """
        Find the address of a request.

        Args:
            request: The request.

        Returns:
            The address.
        """
        peer = request.getClientAddress()
        client = plain_address(peer.host) if isinstance(peer, IPv4Address | IPv6Address) else ""
        hosts = values_of(request, b"Host")
        host, scheme, prefix = hosts[0] if len(hosts) == 1 else "", "https" if request.isSecure() else "http", ""
        if self._unix if isinstance(peer, UNIXAddress) else self._is_proxy(client):
            host = _last(request, b"X-Forwarded-Host") or host
            found = _last(request, b"X-Forwarded-Proto")
            scheme = found if found in ("http", "https") else scheme
            found = _last(request, b"X-Forwarded-Prefix")
            prefix = found.rstrip("/") if PATH.fullmatch(found) else ""
            client = self._forwarded_client(request, client)
        return RequestAddress(host, scheme, prefix + self.path, self.path.count("/"), client)

    def _forwarded_client(self, request: Request, client: str) -> str:
        """Return the last address that is not that of a proxy: each proxy appends the address of its client."""
        for each in reversed(_values(request, b"X-Forwarded-For")):
            client = plain_address(each.strip("[]"))
            if not self._is_proxy(client):
                break
        return client

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _values(request: Request, name: bytes) -> list[str]:
    return [each.strip(" \t") for value in values_of(request, name) for each in value.split(",")]


def _last(request: Request, name: bytes) -> str:
    return (_values(request, name) or [""])[-1]
