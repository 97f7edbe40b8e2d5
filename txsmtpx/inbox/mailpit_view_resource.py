"""The texts of a message for helpers of Mailpit: ``/view/ID.html`` and ``/view/ID.txt``."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailpit_message_resource import OneMessageResource
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold
from txsmtpx.web.streamed_response import StreamedResponse, slices
from txsmtpx.web.web_errors import error_body
from txsmtpx.web.web_resource import WebResource

_KINDS = ("html", "txt")


class MailpitViewsResource(WebResource):
    """
    ``/view``: its children are the texts of messages.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        Find the text of a message.

        Args:
            path: The number of the message, or "latest", with the kind of the text behind a dot.
            request: The request.

        Returns:
            The resource.
        """
        name, _, kind = path.decode("utf-8", "replace").rpartition(".")
        return _Text(self._inbox, name, kind) if kind in _KINDS else WebResource.getChild(self, path, request)


class _Text(OneMessageResource):
    """
    One text of a message.

    The HTML is as it was received, so that a test can compare it.  It is not safe to display.  So its type is that of
    plain text: a browser shows the source.
    """

    def __init__(self, inbox: Inbox, name: str, kind: str) -> None:
        OneMessageResource.__init__(self, inbox, name)
        self.methods = {"GET": ("query", "tz", "mailbox")}
        self._kind = kind

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        number = yield from self.number(parameters)
        received = yield from self.inbox.store.message(number)
        detail = yield from self.inbox.parser.detail(received)
        text = detail.html if self._kind == "html" else detail.readable_text
        if text is None:
            yield error_body(request, 404, "This message has no HTML.")
        else:
            hold(request, len(text))
            yield from self.inbox.store.mark([number], True)
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            yield from slices(text)
