"""A request to the web inbox."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.content_security_policy import SECURITY_HEADERS
from txsmtpx.inbox.inbox_errors import BadRequest, Busy
from txsmtpx.wire.http_site import LimitedRequest, channel_of, values_of


class InboxRequest(LimitedRequest):
    """A request whose response has the headers that restrict browsers.  `InboxSite` creates it."""

    def begin(self) -> None:
        """Set the headers before a resource is looked up, so that error responses have them too."""
        for name, value in SECURITY_HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])


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
