"""The messages in the API: ``/api/messages`` and the paths below it.  ``docs/inbox.md`` describes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from twisted.web.server import Request

from txsmtpx.inbox.deletion_resource import delete_messages
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_store import Found
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.message_detail import PartDetail
from txsmtpx.inbox.message_selection import selected
from txsmtpx.inbox.parsed_message import IMAGES
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.download_headers import set_download_headers
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import address_of, hold, reject_body
from txsmtpx.web.streamed_response import PIECE, StreamedResponse, json_response, slices
from txsmtpx.web.web_errors import error_body
from txsmtpx.web.web_resource import WebResource

LIST = 50
"""Messages in a list, if the request has no ``limit`` (Mailpit: 50)."""

MAX_LIST = 1000
"""The greatest ``limit``."""

MAX_WAIT = 300
"""The greatest ``wait``, in seconds."""


class PathsResource(WebResource):
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
        names = ("messages", "mailboxes", "events", "openapi.json")
        yield from json_response(request, {name: f"{address_of(request).prefix}/api/{name}" for name in names})


class MessagesResource(WebResource):
    """
    ``/api/messages``: list messages, wait for messages, delete messages.

    Args:
        inbox: The messages.
        most_waiting: The number of requests that may wait for a message.  A further request gets 503.
    """

    def __init__(self, inbox: Inbox, most_waiting: int) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._most_waiting = most_waiting

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the messages that match a query.

        Args:
            request: The request.
            parameters: ``search``, ``mailbox``, ``start``, ``limit`` and ``wait``.

        Yields:
            The JSON in pieces.
        """
        query = SearchQuery(parameters.text("search"), parameters.text("mailbox"))
        start = parameters.number("start", 0, 1_000_000)
        limit = parameters.number("limit", LIST, MAX_LIST)
        wait = parameters.number("wait", 0, MAX_WAIT)
        newest = yield from self._inbox.store.latest()
        found = yield from self._inbox.store.listed(query, start, limit)
        if not found.total and wait:
            numbers = yield from self._inbox.wait(query, newest, wait, self._most_waiting)
            messages = yield from self._described(numbers[start : start + limit])
            found = Found(len(numbers), messages, bool(messages))
        hold(request, found.held)
        yield from json_response(request, {"total": found.total, "start": start, "messages": _in_steps(found.messages)})

    def _described(self, numbers: list[int]) -> CooperativeWork[list[ListedMessage]]:
        found = []
        for number in numbers:
            with contextlib.suppress(MessageDeleted):  # since the search
                found.append((yield from self._inbox.store.described(number)))
        return found

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the messages that are selected.

        Args:
            request: The request.
            parameters: The query parameters, see `selected`.

        Yields:
            What the work yields.
        """
        reject_body(request)
        yield from delete_messages(request, self._inbox, (yield from selected(self._inbox.store, parameters)))


class MessageResource(WebResource):
    """
    ``/api/messages/ID``: describe or delete one message.

    The resource keeps the name, not the message: a client that reads slowly must not keep it in memory.

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
        Describe the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The JSON in pieces.
        """
        yield from json_response(request, (yield from self._described(request)))

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            None after the message.
        """
        reject_body(request)
        number = yield from self._inbox.number_of(self._name)
        yield from self._inbox.store.described(number)  # which raises MessageDeleted
        yield from delete_messages(request, self._inbox, [number])

    def _described(self, request: Request) -> CooperativeWork[dict[str, JsonValue]]:
        number = yield from self._inbox.number_of(self._name)
        listed = yield from self._inbox.store.described(number)
        received = yield from self._inbox.store.message(number)
        detail = yield from self._inbox.parser.detail(received)
        hold(request, detail.held)
        release = self._inbox.release
        releases = {} if release is None else {"releases": [each.as_json() for each in release.outcomes(number)]}
        return (
            listed.as_json()
            | releases
            | {
                "username": received.username,
                "peer_host": received.peer_host,
                "helo": received.helo,
                "protocol": received.protocol,
                "facts": received.facts,
                "whole": detail.whole,
                "headers": list(detail.headers),
                "text": detail.text,
                "html": detail.html,
                "attachments": len(detail.attachments),
                "parts": [
                    {
                        "number": part.number,
                        "content_type": part.content_type,
                        "disposition": part.disposition,
                        "filename": part.filename,
                        "content_id": part.content_id,
                        "size": part.size,
                        "url": f"{address_of(request).prefix}/api/messages/{number}/parts/{part.number}",
                    }
                    for part in detail.parts
                ],
            }
        )


class SourceResource(WebResource):
    """
    ``/api/messages/ID/source``: the octets of the message.  The download fails if it is deleted meanwhile.

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
        Download the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The octets in pieces.
        """
        number = yield from self._inbox.number_of(self._name)
        listed = yield from self._inbox.store.described(number)
        set_download_headers(request, "message/rfc822", f"{listed.queue_id}.eml", listed.size)
        # A client that reads slowly must not keep the message in memory.
        for at in range(0, listed.size, PIECE):
            yield (yield from self._inbox.store.piece(number, at, PIECE))


class PartResource(WebResource):
    """
    ``/api/messages/ID/parts/NUMBER``: the content of a part, after its transfer encoding is decoded.

    Args:
        inbox: The messages.
        name: The number of the message, or "latest".
        part: The number of the part.
    """

    def __init__(self, inbox: Inbox, name: str, part: str) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._name = name
        self._part = part

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Download the part.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The octets in pieces.
        """
        found = yield from self._found()
        if found is None:
            yield error_body(request, 404, "There is no such part.")
        else:
            part, octets = found
            hold(request, len(octets))
            content_type = part.content_type if part.content_type in IMAGES else "application/octet-stream"
            set_download_headers(request, content_type, part.download_name, len(octets))
            yield from slices(octets)

    def _found(self) -> CooperativeWork[tuple[PartDetail, bytes] | None]:
        received = yield from self._inbox.store.message((yield from self._inbox.number_of(self._name)))
        detail = yield from self._inbox.parser.detail(received)
        for part in detail.parts:
            if self._part == str(part.number):
                octets = yield from self._inbox.parser.part(received, part.number)
                return None if octets is None else (part, octets)
        return None


def _in_steps(messages: Iterable[ListedMessage]) -> Iterator[dict[str, JsonValue] | None]:
    for each in messages:
        yield each.as_json()
        yield None
