"""Messages for helpers of MailHog: ``/api/v2/messages``, ``/api/v2/search`` and ``/api/v1/messages/ID``."""

from __future__ import annotations

import contextlib
import json

from twisted.web.server import Request

from txsmtpx.backends.received import Received
from txsmtpx.content import header
from txsmtpx.inbox.deletion_resource import delete_messages
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_errors import MessageDeleted
from txsmtpx.inbox.mailhog_content import content_of
from txsmtpx.inbox.mailpit_query import done
from txsmtpx.inbox.parsed_message import BEGINNING, arrived_text
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.web.json_text import JsonValue
from txsmtpx.web.query_parameters import QueryParameters
from txsmtpx.web.site_request import hold, reject_body
from txsmtpx.web.streamed_response import StreamedResponse, slices
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

LIST = 50
"""Messages in a list, if the request has no ``limit``."""

MAX_LIST = 250
"""The greatest ``limit``, as in MailHog.  A greater one counts as this."""

KINDS = {"from": "from:", "to": "to:", "containing": ""}
"""The kinds of a search, with the prefix of a term."""

_ANY = 999_999_999


class MailhogMessagesResource(WebResource):
    """
    ``/api/v2/messages`` and ``/api/v2/search``: list messages with their contents.

    Args:
        inbox: The messages.
        search: True for a search.
    """

    def __init__(self, inbox: Inbox, search: bool = False) -> None:
        WebResource.__init__(self)
        self._inbox = inbox
        self._search = search

    def get(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        List the messages, the newest first.

        Args:
            request: The request.
            parameters: ``start``, ``limit`` and ``mailbox``; a search has ``kind`` and ``query``, too.

        Yields:
            The JSON in pieces.
        """
        text = _text(parameters) if self._search else ""
        query = SearchQuery(text, parameters.text("mailbox"))
        start = parameters.number("start", 0, _ANY)
        limit = min(parameters.number("limit", LIST, _ANY) or LIST, MAX_LIST)
        numbers = yield from self._inbox.store.numbers(query)
        shown = numbers[start : start + limit]
        counts = {"total": len(numbers), "count": len(shown), "start": start}
        request.setHeader("Content-Type", "application/json")
        before = json.dumps(counts)[:-1].encode("ascii") + b', "items": [\n'
        for number in shown:
            with contextlib.suppress(MessageDeleted):  # since the search
                yield from _item(request, self._inbox, number, before)
                before = b",\n"
        yield b"]}\n" if before == b",\n" else before + b"]}\n"


class MailhogMessageResource(WebResource):
    """
    ``/api/v1/messages/ID``: describe or delete one message.

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
        number = yield from self._inbox.number_of(self._name)
        request.setHeader("Content-Type", "application/json")
        yield from _item(request, self._inbox, number, b"")

    def delete(self, request: Request, parameters: QueryParameters) -> StreamedResponse:
        """
        Delete the message.

        Args:
            request: The request.
            parameters: The query parameters: none.

        Yields:
            The body of the response, and what the work yields.
        """
        reject_body(request)
        number = yield from self._inbox.number_of(self._name)
        yield from self._inbox.store.described(number)  # which raises MessageDeleted
        yield from delete_messages(request, self._inbox, [number], 200)
        yield done(request)


def _text(parameters: QueryParameters) -> str:
    """Return the text of a search: the query is a phrase, as in MailHog."""
    kind, query = parameters.text("kind"), parameters.text("query").replace('"', " ")
    if kind not in KINDS:
        raise BadRequest(f"kind: this parameter needs from, to or containing, not {kind[:100]!r}")
    if not SearchQuery(f'"{query}"'):
        raise BadRequest("query: this parameter needs a word, such as query=ann@example.org")
    return f'{KINDS[kind]}"{query}"'


def _item(request: Request, inbox: Inbox, number: int, before: bytes) -> StreamedResponse:
    """Write the description of a message, with octets before it."""
    received = yield from inbox.store.message(number)
    described = yield from inbox.parser.mailhog(received)
    if described is None:  # the message exceeds a limit
        found = header.read(received.content[:BEGINNING])
        short = {"Content": content_of(found, b"", len(received.content)), "MIME": None, "Raw": {"Data": ""}}
        described = json.dumps(short).encode("ascii")
    envelope = _envelope(received)
    del received  # a client that reads slowly must not keep it in memory
    held = len(described)
    hold(request, held)
    yield before
    yield from slices(described[:-2])
    yield envelope
    hold(request, -held)


def _envelope(received: Received) -> bytes:
    """Return the rest of the description, behind the text of ``Data`` in ``Raw``."""
    raw = {"From": received.sender, "To": list(received.recipients), "Helo": received.helo}
    others = {
        "ID": str(received.id),
        "From": _path(received.sender),
        "To": list(map(_path, received.recipients)),
        "Created": arrived_text(received.arrived).replace("+00:00", "Z"),
    }
    return f", {json.dumps(raw)[1:]}, {json.dumps(others)[1:]}".encode("ascii")


def _path(mailbox: str) -> dict[str, JsonValue]:
    local, _, domain = mailbox.partition("@")
    return {"Relays": None, "Mailbox": local, "Domain": domain, "Params": ""}
