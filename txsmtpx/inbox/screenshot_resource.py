"""``/api/messages/ID/screenshot``: a picture of the HTML of a message."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.message_frame import frame_page
from txsmtpx.inbox.screenshot import ScreenshotFailed
from txsmtpx.web.cooperative_work import result_of
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold
from txsmtpx.web.streamed_response import StreamedResponse, slices
from txsmtpx.web.web_errors import BadRequest, error_body
from txsmtpx.web.web_resource import WebResource

WIDTHS = {"phone": 390, "tablet": 768, "desktop": 1280}
"""The widths in pixels, by name."""


class ScreenshotResource(WebResource):
    """
    Answer with a PNG.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def __init__(self, inbox: Inbox, name: str) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Make the picture.

        Args:
            request: The request.
            parameters: ``width``, one of `WIDTHS`, and ``dark``.

        Yields:
            The picture in pieces.

        Raises:
            BadRequest: A parameter is wrong, or the operator does not allow pictures.
        """
        if self._inbox.tools.screenshots is None:
            raise BadRequest("the server makes no screenshots; start it with --web-chromium chromium")
        width = WIDTHS.get(parameters.text("width") or "desktop")
        dark = parameters.text("dark")
        if width is None or dark not in ("", "on"):
            raise BadRequest("width needs to be phone, tablet or desktop, and dark needs to be on")
        number = yield from self._inbox.number_of(self._name)
        received = yield from self._inbox.store.message(number)
        html = yield from self._inbox.parser.sanitized_html(received)
        if html is None:
            yield error_body(request, 404, "This message has no HTML.")
        else:
            yield from self._picture(request, html, width, dark == "on")

    def _picture(self, request: Request, html: bytes, width: int, dark: bool) -> StreamedResponse:
        screenshots = self._inbox.tools.screenshots
        assert screenshots is not None
        picture = Deferred.fromCoroutine(screenshots.picture(frame_page(html), width, dark))
        try:
            octets = yield from result_of(picture)
        except ScreenshotFailed as error:
            yield error_body(request, 502, f"There is no screenshot: {error}.")
            return
        hold(request, len(octets))
        request.setHeader("Content-Type", "image/png")
        request.setHeader("Content-Disposition", 'attachment; filename="message.png"')
        request.setHeader("Content-Length", str(len(octets)))
        yield from slices(octets)
