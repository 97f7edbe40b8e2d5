"""
Requests to web servers that a message names: for its images, its styles and its links.

A request gives away neither the address of the browser nor a cookie, a login or a Referer.  It reaches no private
network, also not by a redirect or by a name that resolves to another address the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import quote, urljoin, urlsplit

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from txsmtpx.grammar.domain import to_a_label
from txsmtpx.wire.public_endpoint import PublicEndpoint
from txsmtpx.wire.web_request import WebAnswer, WebClient, WebError
from txsmtpx.wire.web_url import WebURL

PUBLIC = "public"
"""The name of all public addresses, among the networks."""

MAX_REDIRECTS = 5
"""Redirects that are followed.  Each is checked as the first URL is."""

MAX_REQUESTS = 8
"""Requests at the same time, of all users together."""

TIMEOUT = 10.0
"""Seconds for a request, each redirect counted alone."""

_HEADERS = [("User-Agent", "Mozilla/5.0 (compatible; txsmtpx)"), ("Accept", "*/*")]
_REDIRECTS = (301, 302, 303, 307, 308)
_SAFE = "%!#$&'()*+,/:;=?@[]~-._"
"""The characters of a URL that stay as they are (RFC 3986 §2)."""


class RemoteClient:
    """
    Send the requests.  The operator allows them with ``--web-remote``.

    Attributes:
        reactor: Looks up names, connects, and provides time.

    Args:
        reactor: See the attributes.
        networks: The networks to which requests may go: "public", or networks such as "127.0.0.0/8".

    Raises:
        ImportError: treq is not installed.
        ValueError: A network is malformed.
    """

    def __init__(self, reactor: IReactorTime, networks: Sequence[str] = (PUBLIC,)) -> None:
        self.reactor = reactor
        self._networks = [ip_network(each) for each in networks if each != PUBLIC]
        self._public = PUBLIC in networks
        self._turns = DeferredSemaphore(MAX_REQUESTS)
        WebClient(reactor)  # it raises ImportError

    async def request(self, method: str, url: str, limit: int) -> tuple[str, WebAnswer]:
        """
        Send a request, and follow redirects.

        Args:
            method: "GET" or "HEAD".
            url: The URL, as it is in a message.
            limit: The most octets of the body.

        Returns:
            The URL that has answered, and the answer.

        Raises:
            WebError: There is no answer, or the URL cannot or may not be requested.
        """
        await self._turns.acquire()
        try:
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._send(method, url, limit)
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    return url, answer
                url = urljoin(url, answer.headers["location"])
            raise WebError(f"more than {MAX_REDIRECTS} redirects")
        except ValueError as error:  # of urljoin
            raise WebError(f"a redirect to a malformed URL: {error}") from error
        finally:
            self._turns.release()

    async def _send(self, method: str, text: str, limit: int) -> WebAnswer:
        try:
            url = remote_url(text)
        except ValueError as error:
            raise WebError(str(error)) from error
        endpoint = PublicEndpoint(self.reactor, url.host, url.port, TIMEOUT, self._networks, self._public)
        client = WebClient(self.reactor, timeout=TIMEOUT, max_answer_bytes=limit, connections=1, endpoint=endpoint)
        try:
            return await client.request(method, url, _HEADERS)
        finally:
            await client.close()


def remote_url(text: str) -> WebURL:
    """
    Parse a URL of a message.

    Args:
        text: The URL, which may have characters beyond ASCII and spaces.

    Returns:
        The URL, without its login and its fragment.

    Raises:
        ValueError: It is no URL of a web server.

    Example:
        >>> remote_url("http://ann:secret@b\u00fccher.example/a b#c")
        WebURL('http://xn--bcher-kva.example/a%20b')
    """
    parts = urlsplit(text.strip())
    place = parts.netloc.rpartition("@")[2]
    if not place.isascii():
        host, colon, port = place.partition(":")
        place = f"{to_a_label(host)}{colon}{port}"
    cleaned = parts._replace(netloc=place, fragment="").geturl()
    return replace(WebURL.parsed(quote(cleaned, safe=_SAFE)), authorization=None)
