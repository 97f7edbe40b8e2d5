"""The resources of the API of a queue: ``/api/queue`` and the paths below it."""

from __future__ import annotations

from twisted.web.server import Request

from txsmtpx.queue.queue_store import Change
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue_web.queue_administration import QueueAdministration
from txsmtpx.queue_web.queue_json import counts_json, mail_json
from txsmtpx.queue_web.requested_selection import changed_selection, listed_selection
from txsmtpx.web.download_headers import set_download_headers
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.site_request import address_of
from txsmtpx.web.streamed_response import PIECE, StreamedResponse, json_response
from txsmtpx.web.web_resource import WebResource

LIST = 100
"""Messages in a list, if the request has no ``limit``."""

MAX_LIST = 1000
"""The greatest ``limit`` of a list."""

SOURCE = 1024 * 1024
"""Octets of a message that are sent, if the request has no ``limit``."""

MAX_SOURCE = 999_999_999
"""The greatest ``limit`` of the octets of a message."""

MAX_NUMBER = 999_999_999
"""The greatest ``after``."""


class QueuePathsResource(WebResource):
    """``/api``: list the paths."""

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the paths.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        names = ("queue", "queue/messages", "openapi.json")
        yield from json_response(request, {name: f"{address_of(request).prefix}/api/{name}" for name in names})


class QueueResource(WebResource):
    """
    A resource of a queue.

    Args:
        administration: The queue.
    """

    def __init__(self, administration: QueueAdministration) -> None:
        WebResource.__init__(self)
        self._queue = administration


class CountsResource(QueueResource):
    """``/api/queue``: count what is in the queue."""

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Count what is in the queue.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        yield from json_response(request, counts_json((yield from self._queue.depth())))


class QueuedMessagesResource(QueueResource):
    """``/api/queue/messages``: list messages."""

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List messages, the oldest first.

        Args:
            request: The request.
            parameters: The query parameters: ``limit``, ``after`` and `FILTERS`.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        limit = parameters.number("limit", LIST, MAX_LIST)
        after = parameters.number("after", 0, MAX_NUMBER)
        found = yield from self._queue.listed(request, listed_selection(parameters), limit + 1, after)
        shown, now = found[:limit], self._queue.now()
        next_page = shown[-1].number if len(found) > limit and shown else None
        yield from json_response(request, {"messages": (mail_json(each, now) for each in shown), "next": next_page})


class QueuedMessageResource(QueueResource):
    """
    ``/api/queue/messages/ID``: describe or delete one message.

    Args:
        administration: The queue.
        id: The identifier of the message.
    """

    def __init__(self, administration: QueueAdministration, id: str) -> None:
        QueueResource.__init__(self, administration)
        self._id = id

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Describe the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        mail = yield from self._queue.one(request, self._id)
        described = mail_json(mail, self._queue.now()) | {"envelope": mail.envelope.as_strings()}
        yield from json_response(request, described)

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the message, without a report to its sender.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        JsonBody(request, ())
        changed = yield from self._queue.change_one(request, self._id, "delete")
        yield from json_response(request, {"changed": changed})


class QueuedSourceResource(QueuedMessageResource):
    """``/api/queue/messages/ID/source``: the octets of the message."""

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Download the message, or its beginning.

        Args:
            request: The request.
            parameters: The query parameters: ``limit``.

        Yields:
            The octets in pieces, and Deferreds to wait for.
        """
        limit = parameters.number("limit", SOURCE, MAX_SOURCE)
        mail = yield from self._queue.one(request, self._id)
        left = min(limit, mail.size)
        file = yield from self._queue.opened(mail)
        with file:
            set_download_headers(request, "message/rfc822", f"{mail.id}.eml", left)
            while left:
                octets = yield from self._queue.read(file, min(left, PIECE))
                left = left - len(octets) if octets else 0
                yield octets


class QueuedMessageChangeResource(QueuedMessageResource):
    """
    ``/api/queue/messages/ID/CHANGE``: change one message.

    Args:
        administration: The queue.
        change: The change.
        id: The identifier of the message.
    """

    def __init__(self, administration: QueueAdministration, change: Change, id: str) -> None:
        QueuedMessageResource.__init__(self, administration, id)
        self._change: Change = change

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Change all recipients of the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        JsonBody(request, ())
        changed = yield from self._queue.change_one(request, self._id, self._change)
        yield from json_response(request, {"changed": changed})


class QueueChangeResource(QueueResource):
    """
    ``/api/queue/CHANGE``: change the recipients that the body selects.

    Args:
        administration: The queue.
        change: The change.
    """

    def __init__(self, administration: QueueAdministration, change: Change) -> None:
        QueueResource.__init__(self, administration)
        self._change: Change = change

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Change the recipients.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        selection = changed_selection(request)
        changed = yield from self._queue.change(request, selection, self._change)
        yield from json_response(request, {"changed": changed})


class FlushResource(QueueResource):
    """``/api/queue/flush``: try all recipients that wait."""

    def post(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Try all recipients that wait, now.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces, and Deferreds to wait for.
        """
        JsonBody(request, ())
        changed = yield from self._queue.change(request, Selection(), "retry")
        yield from json_response(request, {"changed": changed})
