"""One message for helpers of Mailpit: ``/api/v1/message/ID`` and the paths below it."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.mailpit_message import mailpit_headers, mailpit_message
from txsmtpx.inbox.mailpit_query import mailpit_query
from txsmtpx.inbox.parsed_message import BEGINNING
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold
from txsmtpx.web.streamed_response import PIECE, StreamedResponse, json_response
from txsmtpx.web.web_resource import WebResource


class OneMessageResource(WebResource):
    """
    A resource of one message.

    Attributes:
        inbox: The messages.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
    """

    def __init__(self, inbox: Inbox, name: str) -> None:
        WebResource.__init__(self)
        self.inbox = inbox
        self._name = name

    def number(self, parameters: QueryParameters) -> CooperativeWork[int]:
        """
        Return the number of the message.

        Args:
            parameters: ``query``, ``tz`` and ``mailbox``.  With one, "latest" is the newest message that it finds.

        Returns:
            The number.

        Yields:
            What the search yields.

        Raises:
            MessageDeleted: There is no such message.
        """
        query = mailpit_query(parameters, parameters.text("query"))
        if self._name == "latest" and query:
            found = yield from self.inbox.store.numbers(query)
            if not found:
                raise MessageDeleted
            return found[0]
        return (yield from self.inbox.number_of(self._name))


class MailpitMessageResource(OneMessageResource):
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
        number = yield from self.number(parameters)
        listed = yield from self.inbox.store.described(number)
        received = yield from self.inbox.store.message(number)
        detail = yield from self.inbox.parser.detail(received)
        has_files = len(detail.parts) > 1
        checksums = (yield from self.inbox.parser.checksums(received)) if has_files else []
        hold(request, detail.held)
        described = mailpit_message(listed, received, detail, checksums)
        yield from self.inbox.store.mark([number], True)
        yield from json_response(request, described)


class MailpitHeadersResource(OneMessageResource):
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
        number = yield from self.number(parameters)
        content = yield from self.inbox.store.piece(number, 0, BEGINNING)
        hold(request, len(content))
        yield from json_response(request, mailpit_headers(content))


class MailpitRawResource(OneMessageResource):
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
        number = yield from self.number(parameters)
        size = (yield from self.inbox.store.described(number)).size
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.setHeader("Content-Length", str(size))
        if download:
            request.setHeader("Content-Disposition", f'attachment; filename="{number}.eml"')
        # A client that reads slowly must not keep the message in memory.
        for at in range(0, size, PIECE):
            yield (yield from self.inbox.store.piece(number, at, PIECE))
