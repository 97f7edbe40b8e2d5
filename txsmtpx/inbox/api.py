"""
The API, for tests and programs: ``/api/messages`` and what is below it.  ``docs/inbox.md`` is its description.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import CooperativeWork, Inbox
from txsmtpx.inbox.inbox_request import has_body, hold
from txsmtpx.inbox.json_text import json_text
from txsmtpx.inbox.message_detail import PartDetail
from txsmtpx.inbox.parsed_message import IMAGES
from txsmtpx.inbox.query_parameters import BadRequest, QueryParameters
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.inbox.streamed_response import (
    ErrorResource,
    InboxResource,
    StreamedResponse,
    encoded,
    error_body,
    set_download_headers,
    slices,
)

LIST = 50
"""Messages in an answer, unless it is asked for more."""

MAX_WAIT = 300
"""Seconds for which somebody may wait for a message."""


def as_json(request: Request, value: Any) -> Iterator[bytes | None]:
    """``value`` as `json_text` has it."""
    request.setHeader("Content-Type", "application/json")
    yield from encoded(json_text(value))
    yield b"\n"


class ApiResource(InboxResource):
    """
    ``/api``: what there is.

    Args:
        most_waiting: See `MessagesResource`.
    """

    def __init__(self, inbox: Inbox, events: EventStream, most_waiting: int) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self.putChild(b"messages", MessagesResource(inbox, most_waiting))
        self.putChild(b"events", events)

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else InboxResource.getChild(self, path, request)

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        yield from as_json(request, {"messages": "/api/messages", "events": "/api/events"})


class MessagesResource(InboxResource):
    """
    ``/api/messages``: list, wait, delete.

    Args:
        most_waiting: Requests that may wait for a message.  One more is refused: 503.
    """

    def __init__(self, inbox: Inbox, most_waiting: int) -> None:
        InboxResource.__init__(self, {"GET": ("search", "start", "limit", "wait"), "DELETE": ("search",)})
        self._inbox = inbox
        self._most_waiting = most_waiting

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path == b"":
            return self
        try:
            return MessageResource(self._inbox, self._inbox.get(path.decode("ascii", "replace")).id)
        except KeyError:
            return ErrorResource(404, "There is no such message.")

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        query = SearchQuery(given.text("search"))
        start = given.number("start", 0, 1_000_000)
        limit = given.number("limit", LIST, 1000)
        wait = given.number("wait", 0, MAX_WAIT)
        newest = max(self._inbox.backend.numbers, default=0)
        found = yield from self._inbox.find(query)
        if not found and wait:
            found = yield from self._inbox.wait(query, newest, wait, self._most_waiting)
        total, found = len(found), found[start : start + limit]
        yield from as_json(request, {"total": total, "start": start, "messages": self._summaries(found)})

    def _summaries(self, numbers: list[int]) -> Iterator[dict[str, Any] | None]:
        for number in numbers:
            if number in self._inbox.backend:  # it may have been deleted since
                yield self._inbox.summary(self._inbox.backend.get(number))
            yield None

    def delete(self, request: Request, given: QueryParameters) -> StreamedResponse:
        """Delete all, or what is found."""
        _check_body(request)
        query = SearchQuery(given.text("search"))
        if "search" in given and not query:
            raise BadRequest("search: there is no word in it; without this parameter, all messages are deleted")
        found = yield from self._inbox.find(query)
        yield from self._inbox.delete(found)
        request.setResponseCode(204)


class MessageResource(InboxResource):
    """``/api/messages/ID``: all of it, its source, its parts; delete it."""

    def __init__(self, inbox: Inbox, number: int) -> None:
        InboxResource.__init__(self, {"GET": (), "DELETE": ()})
        self._inbox = inbox
        self._number = number  # and not the message, which a client that reads slowly would keep here
        self.putChild(b"source", _Source(inbox, number))
        self.putChild(b"parts", _Parts(inbox, number))

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else InboxResource.getChild(self, path, request)

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        yield from as_json(request, (yield from self._described(request)))

    def delete(self, request: Request, given: QueryParameters) -> StreamedResponse:
        _check_body(request)
        yield from self._inbox.delete([self._number])
        request.setResponseCode(204)

    def _described(self, request: Request) -> CooperativeWork[dict[str, Any]]:
        received = self._inbox.kept(self._number)
        opened = yield from self._inbox.open(received)
        hold(request, opened.held)
        return self._inbox.summary(received) | {
            "username": received.username,
            "peer_host": received.peer_host,
            "helo": received.helo,
            "protocol": received.protocol,
            "whole": opened.whole,
            "headers": list(opened.headers),
            "text": opened.text,
            "html": opened.html,
            "attachments": len(opened.attachments),
            "parts": [
                {
                    "number": part.number,
                    "content_type": part.content_type,
                    "disposition": part.disposition,
                    "filename": part.filename,
                    "content_id": part.content_id,
                    "size": part.size,
                    "url": f"/api/messages/{self._number}/parts/{part.number}",
                }
                for part in opened.parts
            ],
        }


class _Source(InboxResource):
    """``/api/messages/ID/source``: the octets of the message.  They end with an error when it is deleted meanwhile."""

    def __init__(self, inbox: Inbox, number: int) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._inbox = inbox
        self._number = number

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        received = self._inbox.kept(self._number)
        set_download_headers(request, "message/rfc822", f"{received.queue_id}.eml", len(received.content))
        del received  # which a client that reads slowly would keep
        yield from self._inbox.source(self._number)


class _Parts(InboxResource):
    """``/api/messages/ID/parts/NUMBER``."""

    def __init__(self, inbox: Inbox, number: int) -> None:
        InboxResource.__init__(self)
        self._inbox = inbox
        self._number = number

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _OnePart(self._inbox, self._number, path)


class _OnePart(InboxResource):
    """One part, its transfer encoding undone."""

    def __init__(self, inbox: Inbox, number: int, name: bytes) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._inbox = inbox
        self._number = number
        self._name = name

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        found = yield from self._found()
        if found is None:
            yield error_body(request, 404, "There is no such part.")
            return
        part, octets = found
        hold(request, len(octets))
        shown = part.content_type if part.content_type in IMAGES else "application/octet-stream"
        set_download_headers(request, shown, part.download_name, len(octets))
        yield from slices(octets)

    def _found(self) -> CooperativeWork[tuple[PartDetail, bytes] | None]:
        received = self._inbox.kept(self._number)
        opened = yield from self._inbox.open(received)
        for part in opened.parts:
            if self._name == b"%d" % part.number:
                octets = yield from self._inbox.part(received, part.number)
                return None if octets is None else (part, octets)
        return None


def _check_body(request: Request) -> None:
    """
    Raises:
        BadRequest: The client has sent a body, and may think that it says what is to be deleted.
    """
    if has_body(request):
        raise BadRequest("DELETE has no body here; see the parameter search")
