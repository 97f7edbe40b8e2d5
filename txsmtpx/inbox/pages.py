"""
The pages of the inbox, which work without JavaScript too: a list, a message beside it, buttons that delete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from sys import getsizeof
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.content.charset import text_of
from txsmtpx.inbox import content_security_policy as policy
from txsmtpx.inbox.inbox import CooperativeWork, Inbox
from txsmtpx.inbox.inbox_request import hold
from txsmtpx.inbox.message_detail import MAX_TEXT
from txsmtpx.inbox.message_summary import MessageSummary
from txsmtpx.inbox.parsed_message import IMAGES
from txsmtpx.inbox.query_parameters import BadRequest, QueryParameters
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.inbox.streamed_response import ErrorResource, InboxResource, StreamedResponse, encoded, error_body, slices

LIST = 100
"""Messages in the list, unless it is asked for more."""

MAX_LIST = 1000
"""Messages in the list at most; older ones are on pages of their own."""

PIECE = 8 * 1024
"""Characters of a text that are escaped at a time."""

OF_LIST = ("search", "start", "limit")
"""The parameters of every page with the list."""

VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source"}
"""What a message may be seen as, with the titles of these views."""

FRAME = """<!DOCTYPE html>
<meta charset="utf-8">
<style>body { margin: 1rem 1.5rem; font: 15px/1.5 system-ui, sans-serif; }</style>"""
"""What a message's HTML stands behind: its own styles come later, and win."""

_URL = re.compile(r"https?://[^\s<>\"'\x00-\x1f]{1,2000}")

ListeningAddress = tuple[str, int]
"""A host and a port where mail is taken."""


def size_text(octets: int) -> str:
    """A number of octets, for people."""
    if octets < 1000:
        return f"{octets} B"
    size, unit = octets / 1000, "KB"
    if size >= 999.5:
        size, unit = size / 1000, "MB"
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def moment_text(iso: str) -> str:
    """A time, where no script makes it a relative one."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


def with_links(text: str) -> Iterator[tuple[str, bool]]:
    """``text`` in pieces, with whether each is a URL."""
    at = 0
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:!?)]}*_")
        yield from _plain(text[at : found.start()])
        yield url, True
        at = found.start() + len(url)
    yield from _plain(text[at:])


def _plain(text: str) -> Iterator[tuple[str, bool]]:
    return ((text[at : at + PIECE], False) for at in range(0, len(text), PIECE))


def environment() -> Environment:
    """The templates.  Whatever they are given is escaped."""
    made = Environment(
        loader=PackageLoader("txsmtpx.inbox"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"size": size_text, "moment": moment_text}
    return made


@dataclass(frozen=True)
class MessageList:
    """
    Which messages a page lists.

    Attributes:
        start: How many are left out before them.
        limit: How many are listed.
    """

    search: str
    query: SearchQuery
    start: int
    limit: int

    @classmethod
    def of(cls, given: QueryParameters) -> MessageList:
        """
        Those that a request asks for.

        Raises:
            BadRequest: There is no such list.
        """
        search, start = given.text("search"), given.number("start", 0, 1_000_000)
        return cls(search, SearchQuery(search), start, given.number("limit", LIST, MAX_LIST))

    @property
    def address(self) -> str:
        """What stands behind the address of a page with this list."""
        given = {"search": self.search, "start": self.start, "limit": self.limit if self.limit != LIST else 0}
        kept = {name: value for name, value in given.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def more(self, found: int) -> str:
        """The `address` of a longer list, or of the one that follows the longest; "" where no more are ``found``."""
        if self.start + self.limit >= found:
            return ""
        if self.limit < MAX_LIST:
            return replace(self, limit=min(self.limit + LIST, MAX_LIST)).address
        return replace(self, start=self.start + self.limit).address


class PageRenderer:
    """
    What all pages need.

    Attributes:
        inbox: The messages.
        addresses: Gives where mail is taken.
    """

    def __init__(self, inbox: Inbox, addresses: Callable[[], Sequence[ListeningAddress]]) -> None:
        self.inbox = inbox
        self.addresses = addresses
        self._template = environment().get_template("inbox.html")

    def page(self, request: Request, listing: MessageList, selected: int = 0, **shown: Any) -> StreamedResponse:
        """
        The list, with what is ``shown`` beside it.

        Args:
            selected: The number of the message that is shown.
        """
        found = yield from self.inbox.find(listing.query)
        total, numbers = len(found), found[listing.start : listing.start + listing.limit]
        del found  # which may be much longer than the page, and would be kept until that is read
        for number in numbers:
            self._glance(number)
            yield None
        request.setHeader("Content-Security-Policy", policy.PAGE_POLICY)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        page = self._template.generate(
            inbox=self.inbox,
            listed=bool(numbers),
            summaries=filter(None, map(self._glance, numbers)),
            found=total,
            total=len(self.inbox.backend.numbers),
            search=listing.search,
            query=listing.address,
            more=listing.more(total),
            selected=selected,
            addresses=self.addresses(),
            images=IMAGES,
            base=_base(request),
            **({"message": None} | shown),
        )
        yield from encoded(page)

    def _glance(self, number: int) -> MessageSummary | None:
        return self.inbox.glance(self.inbox.backend.get(number)) if number in self.inbox.backend else None


class FrontPage(InboxResource):
    """``/``: the list alone."""

    def __init__(self, pages: PageRenderer) -> None:
        InboxResource.__init__(self, {"GET": OF_LIST, "POST": ("delete",)})
        self._pages = pages
        self.putChild(b"messages", _Messages(pages))

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else InboxResource.getChild(self, path, request)

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        return self._pages.page(request, MessageList.of(given))

    def post(self, request: Request, given: QueryParameters) -> StreamedResponse:
        """Delete all."""
        if given.text("delete") != "all":
            raise BadRequest("What is to be done?")
        yield from self._pages.inbox.delete(self._pages.inbox.backend.numbers)
        _see_other(request, "/")


class _Messages(InboxResource):
    """``/messages/ID``."""

    def __init__(self, pages: PageRenderer) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._pages = pages

    def getChild(self, path: bytes, request: Request) -> Resource:
        try:
            number = self._pages.inbox.get(path.decode("ascii", "replace")).id
        except KeyError:
            return ErrorResource(404, "There is no such message.")
        return MessagePage(self._pages, number)

    def get(self, request: Request, given: QueryParameters) -> bytes:
        _see_other(request, "/")
        return b""


class MessagePage(InboxResource):
    """
    ``/messages/ID`` and ``/messages/ID/VIEW``: the message in one of its views; ``/messages/ID/frame``: its HTML.

    Args:
        view: One of `VIEWS`, or "" for the first that there is.
    """

    def __init__(self, pages: PageRenderer, number: int, view: str = "") -> None:
        InboxResource.__init__(self, {"GET": OF_LIST, "POST": ("delete", *OF_LIST)})
        self._pages = pages
        self._number = number
        self._view = view

    def getChild(self, path: bytes, request: Request) -> Resource:
        view = path.decode("utf-8", "replace")
        if self._view == "" and view == "frame":
            return _Frame(self._pages.inbox, self._number)
        if self._view == "" and view in ("", *VIEWS):
            return MessagePage(self._pages, self._number, view)
        return InboxResource.getChild(self, path, request)

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        listing = MessageList.of(given)
        shown = yield from self._shown(request)
        yield from self._pages.page(request, listing, self._number, **shown)

    def post(self, request: Request, given: QueryParameters) -> StreamedResponse:
        """Delete it."""
        if given.text("delete") != "this" or self._view:
            raise BadRequest("What is to be done?")
        listing = MessageList.of(given)
        yield from self._pages.inbox.delete([self._number])
        _see_other(request, f"/{listing.address}")

    def _shown(self, request: Request) -> CooperativeWork[dict[str, Any]]:
        """What a page has of the message: nothing that keeps all of it, for the client may read slowly."""
        received = self._pages.inbox.kept(self._number)
        opened = yield from self._pages.inbox.open(received)
        self._pages.inbox.mark_read(received)
        views = {each: title for each, title in VIEWS.items() if each != "html" or opened.html is not None}
        view = self._view if self._view in views else next(iter(views))
        texts = {"text": opened.words.decode("utf-8", "ignore"), "source": text_of(received.content[:MAX_TEXT])}
        text = texts.get(view, "")
        envelope = replace(received, content=b"")
        hold(request, opened.held + envelope.held + getsizeof(text))
        return {
            "message": opened,
            "received": envelope,
            "size": len(received.content),
            "arrived": self._pages.inbox.glance(received).arrived,
            "view": view,
            "views": list(views.items()),
            "body": with_links(text) if view == "text" else _plain(text),
            "cut": view == "source" and len(received.content) > MAX_TEXT,
        }


class _Frame(InboxResource):
    """``/messages/ID/frame``: the HTML of the message."""

    def __init__(self, inbox: Inbox, number: int) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._inbox = inbox
        self._number = number

    def get(self, request: Request, given: QueryParameters) -> StreamedResponse:
        html = yield from self._inbox.frame(self._inbox.kept(self._number))
        if html is None:
            yield error_body(request, 404, "This message has no HTML.")
            return
        page = b"%b\n%b\n" % (FRAME.encode("ascii"), html)
        del html
        hold(request, len(page))
        request.setHeader("Content-Security-Policy", policy.MESSAGE_POLICY)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("Content-Length", str(len(page)))
        yield from slices(page)


def _base(request: Request) -> str:
    """How the inbox was called, which `txsmtpx.inbox.same_origin_check` has looked at."""
    host = request.requestHeaders.getRawHeaders("Host", [""])[0]
    return f"{'https' if request.isSecure() else 'http'}://{host}"


def _see_other(request: Request, where: str) -> None:
    request.setResponseCode(303)
    request.setHeader("Location", where)
