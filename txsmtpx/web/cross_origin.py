"""The origins of other sites whose pages may use the API (CORS, Fetch Standard)."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.web.server import Request

from txsmtpx.web.site_request import address_of
from txsmtpx.web.web_names import web_origin
from txsmtpx.wire.http_site import values_of


class CrossOriginAccess:
    """
    Allow pages of named origins to use the API.  `CheckedSite` creates one.

    Args:
        origins: The origins.

    Raises:
        ValueError: One is not an origin.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = set(map(web_origin, origins))

    def allows(self, request: Request) -> bool:
        """
        Check the origin of a request, and let the page read the response if it is allowed.

        Args:
            request: The request.

        Returns:
            True if the request is to the API, from a page of a named origin.
        """
        origins = values_of(request, b"Origin")
        first = 1 + address_of(request).depth
        if not self._origins.intersection(origins) or request.path.split(b"/")[first : first + 1] != [b"api"]:
            return False
        if len(origins) != 1:
            return False
        request.setHeader("Access-Control-Allow-Origin", origins[0])
        request.setHeader("Access-Control-Allow-Credentials", "true")
        request.setHeader("Access-Control-Expose-Headers", "Deletion, Retry-After")
        request.setHeader("Vary", "Origin")
        return True


def is_preflight(request: Request) -> bool:
    """
    Check for a request that asks what a page may send.

    Args:
        request: The request.

    Returns:
        True if it is such a request.  A browser sends no credentials with it.
    """
    return request.method == b"OPTIONS" and request.requestHeaders.hasHeader("Access-Control-Request-Method")


def answer_preflight(request: Request) -> bytes:
    """
    Answer such a request.

    Args:
        request: The request, which `CrossOriginAccess` allows.

    Returns:
        The body: nothing.
    """
    request.setResponseCode(204)
    request.setHeader("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
    request.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type")
    request.setHeader("Access-Control-Allow-Private-Network", "true")
    return b""
