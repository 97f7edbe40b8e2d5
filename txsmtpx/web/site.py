"""
The web site of an inbox: what is where, and what holds for every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from io import BytesIO
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from txsmtpx.web.answer import Node, Refusal
from txsmtpx.web.api import Api
from txsmtpx.web.events import Events
from txsmtpx.web.guard import Guard
from txsmtpx.web.inbox import Inbox
from txsmtpx.web.pages import Address, FrontPage, Pages
from txsmtpx.web.policy import HEADERS

STATIC = {"inbox.css": "text/css", "inbox.js": "text/javascript", "icon.svg": "image/svg+xml"}

IDLE = 60
"""Seconds a connection may be silent between requests."""


class InboxRequest(Request):
    """A request to the inbox, none of which has a body that anybody would read."""

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Throw it away: it costs the sender's time, not our memory."""

    def process(self) -> None:
        """With what a browser has to be told even about an error."""
        for name, value in HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])
        Request.process(self)


class InboxSite(Site):
    """
    The pages and the API of one inbox.

    @ivar inbox: the inbox.
    """

    displayTracebacks = False
    noisy = False
    requestFactory = InboxRequest

    def __init__(
        self, inbox: Inbox, clock: Any, addresses: Callable[[], Sequence[Address]], names: Iterable[str] = ()
    ) -> None:
        """
        @param clock: a reactor, or a clock.
        @param addresses: gives where mail is taken, to be shown.
        @param names: names of this host by which the site may be called; see L{Guard}.
        """
        self.inbox = inbox
        self._events = Events(inbox, clock)
        front = FrontPage(Pages(inbox, addresses))
        front.putChild(b"api", Api(inbox, self._events, clock))
        front.putChild(b"static", _static())
        Site.__init__(self, _Guarded(front, Guard(names)), timeout=IDLE, reactor=clock)

    def startFactory(self) -> None:
        """Begin to follow the backend."""
        Site.startFactory(self)
        self.inbox.start()
        self._events.start()

    def stopFactory(self) -> None:
        """Follow it no more."""
        self._events.stop()
        self.inbox.stop()
        Site.stopFactory(self)

    def log(self, request: Any) -> None:
        """The log is for mail."""

    def acceptableProtocols(self) -> list[bytes]:
        """Return what is spoken over TLS (RFC 7301), also where Twisted could speak HTTP/2."""
        return [b"http/1.1"]


class _Guarded(Node):
    """In front of everything."""

    def __init__(self, inner: Resource, guard: Guard) -> None:
        Node.__init__(self)
        self._inner = inner
        self._guard = guard

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        complaint = self._guard.complaint(request)
        return Refusal(403, complaint) if complaint else self._inner.getChildWithDefault(path, request)


class _File(Node):
    """One of our own files, which are few and small."""

    def __init__(self, content_type: str, octets: bytes) -> None:
        Node.__init__(self)
        self._content_type = content_type
        self._octets = octets

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        return self._octets


def _static() -> Resource:
    directory = Node()
    for name, content_type in STATIC.items():
        octets = files("txsmtpx.web").joinpath("static", name).read_bytes()
        directory.putChild(name.encode("ascii"), _File(content_type, octets))
    return directory
