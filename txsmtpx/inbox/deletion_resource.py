"""The deletions of the API: ``/api/deletions/NUMBER/undo``."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.web.server import Request

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.inbox import UNDO_SECONDS, Inbox
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import reject_body
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import error_body
from txsmtpx.web.web_resource import WebResource


def delete_messages(request: Request, inbox: Inbox, numbers: Sequence[int], code: int = 204) -> CooperativeWork[None]:
    """
    Delete messages.  The header field ``Deletion`` has the number by which a client can undo it.

    Args:
        request: The request.
        inbox: The messages.
        numbers: Their numbers.
        code: The status code of the response.

    Yields:
        Deferreds to wait for.
    """
    deletion = yield from inbox.delete(numbers)
    if deletion:
        request.setHeader("Deletion", str(deletion))
    request.setResponseCode(code)


class UndoResource(WebResource):
    """
    ``/api/deletions/NUMBER/undo``: undo a deletion.

    Args:
        inbox: The messages.
        name: The number of the deletion.
    """

    def __init__(self, inbox: Inbox, name: str) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Undo the deletion.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The body of an error response, and what the work yields.
        """
        reject_body(request)
        number = int(self._name) if asciitext.is_number(self._name) and len(self._name) < 16 else 0
        if (yield from self._inbox.restore(number)):
            request.setResponseCode(204)
        else:
            yield error_body(request, 404, f"There is no such deletion, or it is older than {UNDO_SECONDS} seconds.")
