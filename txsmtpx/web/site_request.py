"""A request to a web site."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.web.content_security_policy import SECURITY_HEADERS
from txsmtpx.web.request_address import RequestAddress, RequestAddresses
from txsmtpx.web.web_errors import BadRequest, Busy
from txsmtpx.wire.http_site import LimitedRequest, LimitedSite, channel_of, values_of

MAX_BODY = 64 * 1024
"""Octets of a request body that is kept.  A list of 1000 numbers of messages has up to 19 KiB."""


class AddressedSite(LimitedSite):
    """
    A site that knows the addresses of its requests.  `CheckedSite` derives from it.

    Attributes:
        addresses: It finds the addresses.
    """

    addresses: RequestAddresses


class SiteRequest(LimitedRequest):
    """
    A request whose response has the headers that restrict browsers.  `CheckedSite` creates it.

    Attributes:
        address: The address by which the browser calls the site.
        too_long: True if the body is longer than `MAX_BODY`.
        login: The name of the user or of the token; "" without a login.
    """

    address: RequestAddress
    too_long: bool = False
    login: str = ""

    def handleContentChunk(self, data: bytes) -> None:
        """
        Keep a part of the body, up to `MAX_BODY` in all.  Nothing is kept of a longer body.

        Args:
            data: The octets.
        """
        if self.content.tell() + len(data) > MAX_BODY:
            self.too_long = True
            self.content.seek(0)
            self.content.truncate()
        if not self.too_long:
            self.content.write(data)

    def begin(self) -> None:
        """Set the headers before a resource is looked up, so that error responses have them too."""
        site = channel_of(self).site
        assert isinstance(site, AddressedSite)
        self.address = site.addresses.of(self)
        for name, value in SECURITY_HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])


def address_of(request: Request) -> RequestAddress:
    """
    Return the address by which the browser calls the site.

    Args:
        request: A request to the site.

    Returns:
        The address.
    """
    assert isinstance(request, SiteRequest)
    return request.address


def login_of(request: Request) -> str:
    """
    Return the name by which the client has logged in.

    Args:
        request: A request to the site.

    Returns:
        The name of the user or of the token; "" without a login.
    """
    assert isinstance(request, SiteRequest)
    return request.login


def set_login(request: Request, name: str) -> None:
    """
    Set the name by which the client logs in.

    Args:
        request: A request to the site.
        name: The name.
    """
    assert isinstance(request, SiteRequest)
    request.login = name


def root_of(request: Request) -> str:
    """
    Return the relative URL from a page to the front page.  So the pages work below any path of a proxy.

    Args:
        request: A request to the site.

    Returns:
        Such as "../../" for ``/messages/1/text``.
    """
    segments = len(request.prepath or ()) + len(request.postpath or ())
    return "../" * (segments - 1 - address_of(request).depth) or "./"


def hold(request: Request, octets: int) -> None:
    """
    Count the memory that a response takes until it is written, see `txsmtpx.wire.http_channel`.

    Args:
        request: The request.
        octets: The memory, in octets.

    Raises:
        Busy: All responses together would take too much memory.
    """
    channel = channel_of(request)
    if not channel.site.connections.hold(channel, octets):
        raise Busy


def has_body(request: Request) -> bool:
    """
    Check for a request body (RFC 9112 §6).

    Args:
        request: The request.

    Returns:
        True if the client sends a body.
    """
    length = (values_of(request, b"Content-Length") or ["0"])[0]
    return request.requestHeaders.hasHeader("Transfer-Encoding") or length.strip("0") != ""


def body_of(request: Request) -> bytes | None:
    """
    Return the body of a request.

    Args:
        request: A request to the site.

    Returns:
        The octets; None if there are more than `MAX_BODY`.
    """
    assert isinstance(request, SiteRequest)
    return None if request.too_long else request.content.getvalue()


def reject_body(request: Request) -> None:
    """
    Reject a request body.  The client may expect that it selects messages.

    Args:
        request: The request.

    Raises:
        BadRequest: The client sends a body.
    """
    if has_body(request):
        method = request.method.decode("ascii", "replace")
        raise BadRequest(f"{method} takes no body here; the parameters ids and search select messages")


def redirect(request: Request, location: str) -> bytes:
    """
    Redirect the browser, which then sends a GET (303, RFC 9110 §15.4.4).

    Args:
        request: The request.
        location: The URL, which may be relative to that of the request.

    Returns:
        The body of the response: nothing.
    """
    request.setResponseCode(303)
    request.setHeader("Location", location)
    return b""
