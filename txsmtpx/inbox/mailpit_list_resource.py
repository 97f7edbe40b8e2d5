"""Lists of messages for helpers of Mailpit: ``/api/v1/messages`` and ``/api/v1/search``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from twisted.web.server import Request

from txsmtpx.grammar import asciitext
from txsmtpx.inbox.deletion_resource import delete_messages
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.inbox_store import Found
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.mailbox_name import mailbox_name
from txsmtpx.inbox.mailpit_message import mailpit_summary
from txsmtpx.inbox.mailpit_query import done, mailpit_query, required_search
from txsmtpx.inbox.message_list import MAX_LIST
from txsmtpx.inbox.parsed_message import BEGINNING
from txsmtpx.inbox.search_query import SearchQuery, SearchTerm
from txsmtpx.web.cooperative_work import CooperativeWork
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.site_request import hold, reject_body
from txsmtpx.web.streamed_response import StreamedResponse
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

LIST = 50
"""Messages in a list, if the request has no ``limit``."""

_ANY_LIMIT = 999_999_999


class MailpitMessagesResource(WebResource):
    """
    ``/api/v1/messages``: list, mark and delete messages.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List messages, the newest first.

        Args:
            request: The request.
            parameters: ``start``, ``limit`` and ``mailbox``.  A limit of 0 means no limit.

        Yields:
            The JSON in pieces.
        """
        query = mailpit_query(parameters, "")
        # Helpers send any great number for all messages.
        limit = min(parameters.number("limit", LIST, _ANY_LIMIT) or MAX_LIST, MAX_LIST)
        yield from _listed(request, self._inbox, parameters, query, limit)

    def put(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Mark messages as read or unread.

        Args:
            request: The request.  Its body has ``Read``, and ``IDs`` or ``Search``.
            parameters: ``tz`` and ``mailbox``.

        Yields:
            The body of the response, and what the work yields.

        Raises:
            BadRequest: The body has ``IDs`` and ``Search``.
        """
        body = JsonBody(request, ("Read", "IDs", "Search"), required=True)
        names, search = body.texts("IDs"), body.text("Search")
        if names and search:
            raise BadRequest("IDs: this field and Search exclude each other")
        if search and not SearchQuery(search):
            raise BadRequest("Search: this field needs a word; to mark all messages, leave it out")
        numbers = yield from _selected(self._inbox, names, mailpit_query(parameters, search))
        yield from self._inbox.store.mark(numbers, body.flag("Read"))
        yield done(request)

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete messages.

        Args:
            request: The request.  Its body may have ``IDs``; without them, all messages are deleted.
            parameters: ``mailbox``.

        Yields:
            The body of the response, and what the work yields.
        """
        names = JsonBody(request, ("IDs",)).texts("IDs")
        numbers = yield from _selected(self._inbox, names, mailpit_query(parameters, ""))
        yield from delete_messages(request, self._inbox, numbers, 200)
        yield done(request)


class MailpitSearchResource(WebResource):
    """
    ``/api/v1/search``: list or delete the messages that a search finds.

    Args:
        inbox: The messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        WebResource.__init__(self)
        self._inbox = inbox

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the messages that a search finds, the newest first.

        Args:
            request: The request.
            parameters: ``query``, ``start``, ``limit``, ``tz`` and ``mailbox``.

        Yields:
            The JSON in pieces.
        """
        query = mailpit_query(parameters, required_search(parameters))
        limit = min(parameters.number("limit", LIST, _ANY_LIMIT), MAX_LIST)
        yield from _listed(request, self._inbox, parameters, query, limit)

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the messages that a search finds.

        Args:
            request: The request.
            parameters: ``query``, ``tz`` and ``mailbox``.

        Yields:
            The body of the response, and what the work yields.
        """
        reject_body(request)
        query = mailpit_query(parameters, required_search(parameters))
        numbers = yield from self._inbox.store.numbers(query)
        yield from delete_messages(request, self._inbox, numbers, 200)
        yield done(request)


def numbers_of(names: Sequence[str]) -> list[int]:
    """
    Return the numbers of messages that a request names.

    Args:
        names: The names.

    Returns:
        The numbers.  As in Mailpit, names that no message has are skipped.
    """
    # The number of digits is limited, since the time of int() grows with its square.
    return [int(name) for name in names if asciitext.is_number(name) and len(name) < 16]


def _selected(inbox: Inbox, names: Sequence[str], query: SearchQuery) -> CooperativeWork[list[int]]:
    """Return the messages that are named, or else those that a search finds; of a mailbox in any case."""
    if not names:
        return (yield from inbox.store.numbers(query))
    numbers = numbers_of(names)
    if query:
        inside = set((yield from inbox.store.numbers(query)))
        numbers = [each for each in numbers if each in inside]
    return numbers


def _listed(
    request: Request, inbox: Inbox, parameters: QueryParameters, query: SearchQuery, limit: int
) -> StreamedResponse:
    start = parameters.number("start", 0, _ANY_LIMIT)
    found = yield from inbox.store.listed(query, start, limit)
    total, unread = yield from _totals(inbox, parameters.text("mailbox"))
    matching = unread
    if any(term.kind != "mailbox" for term in query.terms):
        query.terms.append(SearchTerm("read", excluded=True))
        matching = len((yield from inbox.store.numbers(query)))
    tags: list[str] = sorted((yield from inbox.store.tags.counted()))
    hold(request, found.held)
    counts = {
        "total": total,
        "unread": unread,
        "count": max(0, min(limit, found.total - start)),
        "messages_count": found.total,
        "messages_unread": matching,
        "start": start,
        "tags": tags,
    }
    request.setHeader("Content-Type", "application/json")
    yield json.dumps(counts)[:-1].encode("ascii")
    yield from _summaries(inbox, found)


def _totals(inbox: Inbox, mailbox: str) -> CooperativeWork[tuple[int, int]]:
    """Return the numbers of messages and of unread messages, in a mailbox or in all."""
    if not mailbox:
        return inbox.store.total, inbox.store.unread
    found = yield from inbox.store.mailboxes.one(mailbox_name(mailbox))
    return found.messages, found.unread


def _summaries(inbox: Inbox, found: Found) -> StreamedResponse:
    separator = b', "messages": [\n'
    for listed in found.messages:
        summary = yield from _summary(inbox, listed)
        if summary:
            yield separator + summary
            separator = b",\n"
    yield b"]}\n" if separator == b",\n" else separator + b"]}\n"


def _summary(inbox: Inbox, listed: ListedMessage) -> CooperativeWork[bytes]:
    """Describe a message; nothing if it was deleted since the search."""
    try:
        beginning = yield from inbox.store.piece(listed.id, 0, BEGINNING)
    except MessageDeleted:
        return b""
    return json.dumps(mailpit_summary(listed, beginning)).encode("ascii")
