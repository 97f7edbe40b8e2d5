"""
The web site of an inbox: what is where, and what holds for every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.task import Cooperator
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from txsmtpx.web.answer import Node, Refusal
from txsmtpx.web.api import Api
from txsmtpx.web.connections import MAX_CONNECTIONS, Connections, InboxChannel
from txsmtpx.web.events import Events
from txsmtpx.web.guard import Guard
from txsmtpx.web.inbox import Inbox
from txsmtpx.web.pages import Address, FrontPage, Pages
from txsmtpx.web.parameters import Parameters
from txsmtpx.web.request import InboxRequest
from txsmtpx.wire.auxiliary import Refused, most_connections

STATIC = {"inbox.css": "text/css", "inbox.js": "text/javascript", "icon.svg": "image/svg+xml"}


class InboxSite(Site):
    """
    The pages and the API of one inbox.

    @ivar inbox: the inbox.
    @ivar connections: those that there are.
    @ivar cooperator: runs what takes turns, for up to 10 milliseconds before others have theirs.
    """

    displayTracebacks = False
    noisy = False
    protocol = InboxChannel  # type: ignore[assignment]
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
        most = most_connections(MAX_CONNECTIONS)
        self.connections = Connections(clock, most)
        self.cooperator = Cooperator(scheduler=lambda turn: clock.callLater(0, turn))
        self._events = Events(inbox, clock, most // 4)
        front = FrontPage(Pages(inbox, addresses))
        front.putChild(b"api", Api(inbox, self._events, most // 2))
        front.putChild(b"static", _static())
        Site.__init__(self, _Guarded(front, Guard(names)), timeout=None, reactor=clock)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection, or one that is closed since there are too many."""
        return Site.buildProtocol(self, addr) if self.connections.make_room() else Refused()

    def startFactory(self) -> None:
        """Begin to follow the backend."""
        Site.startFactory(self)
        self.cooperator.start()
        self.inbox.start()
        self._events.start()
        self.connections.start()

    def stopFactory(self) -> None:
        """Follow it no more."""
        self.connections.stop()
        self._events.stop()
        self.inbox.stop()
        self.cooperator.stop()
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
        Node.__init__(self, {"GET": ()})
        self._content_type = content_type
        self._octets = octets

    def get(self, request: Request, given: Parameters) -> bytes:
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        return self._octets


def _static() -> Resource:
    directory = Node()
    for name, content_type in STATIC.items():
        octets = files("txsmtpx.web").joinpath("static", name).read_bytes()
        directory.putChild(name.encode("ascii"), _File(content_type, octets))
    return directory
