"""
A request to the inbox, and what it may ask of its site.
"""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.content_security_policy import SECURITY_HEADERS
from txsmtpx.inbox.parser_process import Busy
from txsmtpx.wire.http_site import LimitedRequest, channel_of, values_of


class InboxRequest(LimitedRequest):
    """A request to the inbox."""

    def begin(self) -> None:
        """Set what a browser has to be told even about an error."""
        for name, value in SECURITY_HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])


def hold(request: Request, octets: int) -> None:
    """
    Count what the answer to a request holds, see `txsmtpx.wire.http_channel`.

    Raises:
        Busy: all answers together hold too much.
    """
    channel = channel_of(request)
    if not channel.site.connections.hold(channel, octets):
        raise Busy


def has_body(request: Request) -> bool:
    """Return whether the client has sent a body."""
    length = (values_of(request, b"Content-Length") or ["0"])[0]
    return request.requestHeaders.hasHeader("Transfer-Encoding") or length.strip("0") != ""
