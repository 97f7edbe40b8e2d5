"""
The web site of an inbox: what is where, and what holds for every request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request

from txsmtpx.inbox.api import ApiResource
from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_request import InboxRequest
from txsmtpx.inbox.pages import FrontPage, ListeningAddress, PageRenderer
from txsmtpx.inbox.query_parameters import QueryParameters
from txsmtpx.inbox.same_origin_check import SameOriginCheck
from txsmtpx.inbox.streamed_response import ErrorResource, InboxResource
from txsmtpx.wire.http_channel import most_connections
from txsmtpx.wire.http_site import LimitedSite

MAX_CONNECTIONS = 500
"""Connections at a time, where the process has descriptors enough.  A browser has up to six to a host."""

STATIC = {"inbox.css": "text/css", "inbox.js": "text/javascript", "icon.svg": "image/svg+xml"}


class InboxSite(LimitedSite):
    """
    The pages and the API of one inbox.

    A half of the connections may wait for a message, and a quarter may be event streams; so neither lock out others.

    Attributes:
        inbox: The inbox.

    Args:
        clock: A reactor, or a clock.
        addresses: Gives where mail is taken, to be shown.
        names: Names of this host by which the site may be called; see `SameOriginCheck`.
    """

    requestFactory = InboxRequest

    def __init__(
        self, inbox: Inbox, clock: Any, addresses: Callable[[], Sequence[ListeningAddress]], names: Iterable[str] = ()
    ) -> None:
        self.inbox = inbox
        most = most_connections(MAX_CONNECTIONS)
        self._events = EventStream(inbox, clock, most // 4)
        front = FrontPage(PageRenderer(inbox, addresses))
        front.putChild(b"api", ApiResource(inbox, self._events, most // 2))
        front.putChild(b"static", _static())
        LimitedSite.__init__(self, _Guarded(front, SameOriginCheck(names)), clock, "the web inbox", most)

    def startFactory(self) -> None:
        """Begin to follow the backend."""
        LimitedSite.startFactory(self)
        self.inbox.start()
        self._events.start()

    def stopFactory(self) -> None:
        """Follow it no more."""
        self._events.stop()
        self.inbox.stop()
        LimitedSite.stopFactory(self)


class _Guarded(InboxResource):
    """In front of everything."""

    def __init__(self, inner: Resource, guard: SameOriginCheck) -> None:
        InboxResource.__init__(self)
        self._inner = inner
        self._guard = guard

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        rejection = self._guard.rejection(request)
        return ErrorResource(403, rejection) if rejection else self._inner.getChildWithDefault(path, request)


class _File(InboxResource):
    """One of our own files, which are few and small."""

    def __init__(self, content_type: str, octets: bytes) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._content_type = content_type
        self._octets = octets

    def get(self, request: Request, given: QueryParameters) -> bytes:
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        return self._octets


def _static() -> Resource:
    directory = InboxResource()
    for name, content_type in STATIC.items():
        octets = files("txsmtpx.inbox").joinpath("static", name).read_bytes()
        directory.putChild(name.encode("ascii"), _File(content_type, octets))
    return directory
