"""One message for helpers of Mailpit: ``/api/v1/message/ID`` and the paths below it."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.cooperative_work import CooperativeWork
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_request import hold
from txsmtpx.inbox.inbox_resource import InboxResource
from txsmtpx.inbox.mailpit_message import mailpit_headers, mailpit_message
from txsmtpx.inbox.mailpit_query import mailpit_query
from txsmtpx.inbox.parsed_message import BEGINNING
from txsmtpx.inbox.query_parameters import QueryParameters
from txsmtpx.inbox.streamed_response import PIECE, StreamedResponse, json_response


class _OneMessage(InboxResource):
    def __init__(self, inbox: Inbox, name: str) -> None:
        InboxResource.__init__(self)
        self._inbox = inbox
        self._name = name

    def _number(self, parameters: QueryParameters) -> CooperativeWork[int]:
        """Return the number of the message.  With a query, "latest" is the newest message that it finds."""
        query = mailpit_query(parameters, parameters.text("query"))
        if self._name == "latest" and query:
            found = yield from self._inbox.store.numbers(query)
            if not found:
                raise MessageDeleted
            return found[0]
        return (yield from self._inbox.number_of(self._name))


class MailpitMessageResource(_OneMessage):
    """
    ``/api/v1/message/ID``: describe a message, and mark it as read.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the message.

        Args:
            request: The request.
            parameters: ``query``, ``tz`` and ``mailbox``, for "latest".

        Yields:
            The JSON in pieces.
        """
        number = yield from self._number(parameters)
        listed = yield from self._inbox.store.described(number)
        received = yield from self._inbox.store.message(number)
        detail = yield from self._inbox.parser.detail(received)
        has_files = len(detail.parts) > 1
        checksums = (yield from self._inbox.parser.checksums(received)) if has_files else []
        hold(request, detail.held)
        described = mailpit_message(listed, received, detail, checksums)
        yield from self._inbox.store.mark([number], True)
        yield from json_response(request, described)


class MailpitHeadersResource(_OneMessage):
    """
    ``/api/v1/message/ID/headers``: the header fields of a message.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the header.

        Args:
            request: The request.
            parameters: ``query``, ``tz`` and ``mailbox``, for "latest".

        Yields:
            The JSON in pieces.
        """
        number = yield from self._number(parameters)
        content = yield from self._inbox.store.piece(number, 0, BEGINNING)
        hold(request, len(content))
        yield from json_response(request, mailpit_headers(content))


class MailpitRawResource(_OneMessage):
    """
    ``/api/v1/message/ID/raw``: the octets of a message as text.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Return the message.

        Args:
            request: The request.
            parameters: ``dl=1`` makes it a download.  ``query``, ``tz`` and ``mailbox``, for "latest".

        Yields:
            The octets in pieces.
        """
        download = parameters.number("dl", 0, 1)
        number = yield from self._number(parameters)
        size = (yield from self._inbox.store.described(number)).size
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.setHeader("Content-Length", str(size))
        if download:
            request.setHeader("Content-Disposition", f'attachment; filename="{number}.eml"')
        # A client that reads slowly must not keep the message in memory.
        for at in range(0, size, PIECE):
            yield (yield from self._inbox.store.piece(number, at, PIECE))
