"""
The pages of the inbox, which work without JavaScript too: a list, a message beside it, buttons that delete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.backends.memory import Received
from txsmtpx.content.charset import text_of
from txsmtpx.web import policy
from txsmtpx.web.answer import Node, Refusal, argument, later, number, refused
from txsmtpx.web.inbox import Inbox
from txsmtpx.web.letter import IMAGES, MAX_TEXT, Letter

LIST = 100
"""Messages in the list, unless it is asked for more."""

VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source"}
"""What a message may be seen as, with the titles of these views."""

FRAME = """<!DOCTYPE html>
<meta charset="utf-8">
<style>body { margin: 1rem 1.5rem; font: 15px/1.5 system-ui, sans-serif; }</style>"""
"""What a message's HTML stands behind: its own styles come later, and win."""

_URL = re.compile(r"https?://[^\s<>\"'\x00-\x1f]{1,2000}")

Address = tuple[str, int]
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


def linked(text: str) -> list[tuple[str, bool]]:
    """C{text} in pieces, with whether each is a URL."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:!?)]}*_")
        pieces += [(text[at : found.start()], False), (url, True)]
        at = found.start() + len(url)
    return [*pieces, (text[at:], False)]


def environment() -> Environment:
    """The templates.  Whatever they are given is escaped."""
    made = Environment(
        loader=PackageLoader("txsmtpx.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"size": size_text, "moment": moment_text, "linked": linked}
    return made


class Pages:
    """
    What all pages need.

    @ivar inbox: the messages.
    @ivar addresses: gives where mail is taken.
    """

    def __init__(self, inbox: Inbox, addresses: Callable[[], Sequence[Address]]) -> None:
        self.inbox = inbox
        self.addresses = addresses
        self._environment = environment()

    def page(self, request: Request, received: Received | None = None, **shown: Any) -> bytes:
        """The list, with what is C{shown} beside it."""
        search = argument(request, "search")
        try:
            limit = number(request, "limit", LIST, 1_000_000)
        except ValueError as error:
            return refused(request, 400, str(error))
        found = self.inbox.find(search)
        kept = {name: value for name, value in (("search", search), ("limit", argument(request, "limit"))) if value}
        text = self._environment.get_template("inbox.html").render(
            inbox=self.inbox,
            glances=[self.inbox.glance(each) for each in found[:limit]],
            found=len(found),
            total=len(self.inbox.backend.messages),
            search=search,
            query=f"?{urlencode(kept)}" if kept else "",
            more=f"?{urlencode(kept | {'limit': limit + LIST})}" if limit < len(found) else "",
            selected=received,
            addresses=self.addresses(),
            images=IMAGES,
            base=_base(request),
            **({"letter": None} | shown),
        )
        request.setHeader("Content-Security-Policy", policy.PAGE)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        return text.encode("utf-8", "replace")


class FrontPage(Node):
    """C{/}: the list alone."""

    def __init__(self, pages: Pages) -> None:
        Node.__init__(self)
        self._pages = pages
        self.putChild(b"messages", _Messages(pages))

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else Node.getChild(self, path, request)

    def render_GET(self, request: Request) -> bytes:
        return self._pages.page(request)

    def render_POST(self, request: Request) -> bytes:
        """Delete all."""
        if argument(request, "delete") != "all":
            return refused(request, 400, "What is to be done?")
        self._pages.inbox.backend.clear()
        return _see_other(request, b"/")


class _Messages(Node):
    """C{/messages/ID}."""

    def __init__(self, pages: Pages) -> None:
        Node.__init__(self)
        self._pages = pages

    def getChild(self, path: bytes, request: Request) -> Resource:
        try:
            received = self._pages.inbox.get(path.decode("ascii", "replace"))
        except KeyError:
            return Refusal(404, "There is no such message.")
        return MessagePage(self._pages, received)

    def render_GET(self, request: Request) -> bytes:
        return _see_other(request, b"/")


class MessagePage(Node):
    """C{/messages/ID} and C{/messages/ID/VIEW}: the message in one of its views; C{/messages/ID/frame}: its HTML."""

    def __init__(self, pages: Pages, received: Received, view: str = "") -> None:
        """
        @param view: one of L{VIEWS}, or "" for the first that there is.
        """
        Node.__init__(self)
        self._pages = pages
        self._received = received
        self._view = view

    def getChild(self, path: bytes, request: Request) -> Resource:
        view = path.decode("utf-8", "replace")
        if self._view == "" and view in ("", "frame", *VIEWS):
            return MessagePage(self._pages, self._received, view)
        return Node.getChild(self, path, request)

    def render_GET(self, request: Request) -> bytes | int:
        opening = self._pages.inbox.open(self._received)
        if self._view == "frame":
            return later(request, opening.addCallback(lambda letter: _frame(request, letter)))
        return later(request, opening.addCallback(lambda letter: self._page(request, letter)))

    def render_POST(self, request: Request) -> bytes:
        """Delete it."""
        if argument(request, "delete") != "this" or self._view:
            return refused(request, 400, "What is to be done?")
        self._pages.inbox.backend.delete(self._received.id)
        search = argument(request, "search")
        return _see_other(request, f"/?{urlencode({'search': search})}".encode("ascii") if search else b"/")

    def _page(self, request: Request, letter: Letter) -> bytes:
        self._pages.inbox.mark_read(self._received)
        views = {each: title for each, title in VIEWS.items() if each != "html" or letter.html is not None}
        shown = self._view if self._view in views else next(iter(views))
        body = {"text": letter.words, "source": text_of(letter.received.content[:MAX_TEXT])}.get(shown, "")
        return self._pages.page(
            request, self._received, letter=letter, view=shown, views=views.items(), body=body[:MAX_TEXT],
            cut=len(letter.words) > MAX_TEXT if shown == "text" else len(letter.received.content) > MAX_TEXT,
        )  # fmt: skip


def _frame(request: Request, letter: Letter) -> bytes:
    markup = letter.markup
    if markup is None:
        return refused(request, 404, "This message has no HTML.")
    request.setHeader("Content-Security-Policy", policy.MESSAGE)
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    return f"{FRAME}\n{markup.html}\n".encode("utf-8", "replace")


def _base(request: Request) -> str:
    """How the inbox was called, which L{txsmtpx.web.guard} has looked at."""
    host = request.requestHeaders.getRawHeaders("Host", [""])[0]
    return f"{'https' if request.isSecure() else 'http'}://{host}"


def _see_other(request: Request, where: bytes) -> bytes:
    request.setResponseCode(303)
    request.setHeader("Location", where)
    return b""
