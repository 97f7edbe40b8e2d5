"""The HTML of a message, for the iframe of its page."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.web.content_security_policy import MESSAGE_POLICY
from txsmtpx.web.cooperative_work import result_of
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold
from txsmtpx.web.streamed_response import StreamedResponse, slices
from txsmtpx.web.web_errors import error_body
from txsmtpx.web.web_resource import WebResource

FRAME = """<!DOCTYPE html>
<meta charset="utf-8">
<style>body { margin: 1rem 1.5rem; font: 15px/1.5 system-ui, sans-serif; }</style>"""
"""The text before the HTML of a message.  The styles of the message follow, and take precedence."""


def frame_page(html: bytes) -> bytes:
    """
    Write the page of the iframe.

    Args:
        html: The sanitized HTML, in UTF-8.

    Returns:
        The page.
    """
    return b"%b\n%b\n" % (FRAME.encode("ascii"), html)


class MessageFrame(WebResource):
    """
    ``/messages/ID/frame``: the sanitized HTML of the message, for the iframe of its page.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def __init__(self, inbox: Inbox, name: str) -> None:
        WebResource.__init__(self, {"GET": ("remote",)})
        self._inbox = inbox
        self._name = name

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Respond with the HTML.

        Args:
            request: The request.
            parameters: The query parameters: ``remote``, the token that shows images of other hosts.

        Yields:
            The HTML in pieces.
        """
        number = yield from self._inbox.number_of(self._name)
        received = yield from self._inbox.store.message(number)
        tools = self._inbox.tools
        remote = tools.html if tools.accepts(number, parameters.text("remote")) else None
        html = yield from self._inbox.parser.sanitized_html(received, remote is not None)
        if html is not None and remote is not None:
            html = yield from result_of(Deferred.fromCoroutine(remote.loaded(html)))
        if html is None:
            yield error_body(request, 404, "This message has no HTML.")
        else:
            yield from _shown(request, frame_page(html))


def _shown(request: Request, page: bytes) -> StreamedResponse:
    hold(request, len(page))
    request.setHeader("Content-Security-Policy", MESSAGE_POLICY)
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    request.setHeader("Content-Length", str(len(page)))
    yield from slices(page)
