"""Marks of messages in the API: ``/api/messages/read`` and ``/api/messages/unread``."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.inbox_store import InboxStore
from txsmtpx.inbox.message_selection import selected
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_resource import WebResource


class MarkResource(WebResource):
    """
    Mark messages as read, or as unread.

    Args:
        store: The store of the messages.
        read: True for read.
    """

    def __init__(self, store: InboxStore, read: bool) -> None:
        WebResource.__init__(self)
        self._store = store
        self._read = read

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Mark the messages that are selected.

        Args:
            request: The request.
            parameters: The query parameters, see `selected`.

        Yields:
            What the work yields.
        """
        reject_body(request)
        numbers = yield from selected(self._store, parameters)
        yield from self._store.mark(numbers, self._read)
        request.setResponseCode(204)
