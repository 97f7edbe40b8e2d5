"""The web site of the inbox: its paths, and the checks of every request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET, Request

from txsmtpx.inbox.api_router import ApiRouter
from txsmtpx.inbox.api_table import api_table
from txsmtpx.inbox.automatic_forwarding import AutomaticForwarding
from txsmtpx.inbox.cross_origin import CrossOriginAccess, answer_preflight, is_preflight
from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_request import AddressedSite, InboxRequest, redirect
from txsmtpx.inbox.inbox_resource import ErrorResource, InboxResource
from txsmtpx.inbox.mailpit_view_resource import MailpitViewsResource
from txsmtpx.inbox.page_renderer import ListeningAddress, PageRenderer
from txsmtpx.inbox.pages import FrontPage
from txsmtpx.inbox.query_parameters import QueryParameters
from txsmtpx.inbox.request_address import RequestAddresses
from txsmtpx.inbox.same_origin_check import SameOriginCheck
from txsmtpx.inbox.web_login import Refusal, WebLogin
from txsmtpx.wire.http_channel import most_connections
from txsmtpx.wire.http_site import LimitedSite

MAX_CONNECTIONS = 500
"""Connections, if the process has enough file descriptors.  A browser opens up to six to one host."""

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

STATIC = {
    each.name: _TYPES[each.name.rpartition(".")[2]] for each in files("txsmtpx.inbox").joinpath("static").iterdir()
}
"""The files of ``/static``, with their types."""


class InboxSite(AddressedSite):
    """
    Serve the pages and the API of one inbox.  `InboxService` creates it.

    Half of the connections may wait for a message, and a quarter may be event streams.  So neither can take all.

    Attributes:
        inbox: The inbox.

    Args:
        inbox: The inbox.
        clock: It keeps the time.
        addresses: A function that returns where the mail server listens.
        names: Host names that the site accepts, see `SameOriginCheck`.
        path: The path of the inbox.
        proxies: The networks of proxies whose fields ``X-Forwarded-*`` are read, see `RequestAddresses`.
        origins: The origins of other sites whose pages may use the API, see `CrossOriginAccess`.
        login: It checks the login of each request; None for no login.

    Raises:
        ValueError: A host name is not a domain, or the path, a network or an origin is wrong.
    """

    requestFactory = InboxRequest

    def __init__(
        self,
        inbox: Inbox,
        clock: IReactorTime,
        addresses: Callable[[], Sequence[ListeningAddress]],
        names: Iterable[str] = (),
        path: str = "/",
        proxies: Iterable[str] = (),
        origins: Iterable[str] = (),
        login: WebLogin | None = None,
    ) -> None:
        self.addresses = RequestAddresses(path, proxies)
        self.inbox = inbox
        most = most_connections(MAX_CONNECTIONS)
        self._events = EventStream(inbox, clock, most // 4)
        front = FrontPage(PageRenderer(inbox, addresses))
        front.putChild(b"api", ApiRouter(api_table(inbox, self._events, most // 2)))
        front.putChild(b"static", _static())
        front.putChild(b"view", MailpitViewsResource(inbox))
        mounted = _mounted(front, self.addresses.path)
        root = _CheckedResource(mounted, SameOriginCheck(names), CrossOriginAccess(origins), login)
        LimitedSite.__init__(self, root, clock, "the web inbox", most)
        self._forwarding: AutomaticForwarding | None = None
        if inbox.release is not None and inbox.release.rules:
            self._forwarding = AutomaticForwarding(inbox, inbox.release, self.cooperator)

    def startFactory(self) -> None:
        """Subscribe to the changes of the backend."""
        LimitedSite.startFactory(self)
        self.inbox.start()
        self._events.start()
        if self._forwarding is not None:
            self._forwarding.start()

    def stopFactory(self) -> None:
        """Unsubscribe from the backend, and close all connections."""
        self._events.stop()
        if self._forwarding is not None:
            self._forwarding.stop()
        self.inbox.stop()
        LimitedSite.stopFactory(self)


class _CheckedResource(InboxResource):
    """Check each request, and hand it to the resource of its path if it passes."""

    def __init__(
        self, inner: Resource, check: SameOriginCheck, other_origins: CrossOriginAccess, login: WebLogin | None
    ) -> None:
        InboxResource.__init__(self)
        self._inner = inner
        self._check = check
        self._other_origins = other_origins
        self._login = login

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        allowed = self._other_origins.allows(request)
        rejection = self._check.rejection(request, allowed)
        if rejection:
            return ErrorResource(403, rejection)
        if allowed and is_preflight(request):
            return _Preflight()
        found = None if self._login is None else self._login.check(request)
        if isinstance(found, Deferred):
            return _LoginInProgress(found, lambda refusal: self._checked(refusal, path, request))
        return self._checked(found, path, request)

    def _checked(self, refusal: Refusal | None, path: bytes, request: Request) -> IResource:
        if refusal is not None:
            return ErrorResource(*refusal)
        found: IResource = self._inner.getChildWithDefault(path, request)
        return found


class _Preflight(InboxResource):
    """The answer to a browser that asks what a page of another origin may send."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        return answer_preflight(request)


class _LoginInProgress(InboxResource):
    """A resource that is known when a login has been checked."""

    isLeaf = True

    def __init__(self, checked: Deferred[Refusal | None], find: Callable[[Refusal | None], IResource]) -> None:
        InboxResource.__init__(self)
        self._found = checked
        self._find = find
        self._disconnected = False

    def render(self, request: Request) -> int:
        request.notifyFinish().addErrback(self._disconnect)
        self._found.addCallback(self._render, request)
        self._found.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _disconnect(self, failure: Failure) -> None:
        self._disconnected = True

    def _render(self, refusal: Refusal | None, request: Request) -> None:
        if not self._disconnected:
            request.render(getChildForRequest(self._find(refusal), request))

    def _failed(self, failure: Failure, request: Request) -> None:
        request.processingFailed(failure)


class _Mount(InboxResource):
    """The path of the inbox without the slash at its end, from which its relative URLs would lead elsewhere."""

    def __init__(self, front: Resource, name: str) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._front = front
        self._name = name

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        found: IResource = self._front.getChildWithDefault(path, request)
        return found

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        return redirect(request, f"{self._name}/")


class _Outside(InboxResource):
    """A path above that of the inbox, which leads there."""

    def __init__(self, way: str) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._way = way

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self if path == b"" else InboxResource.getChild(self, path, request)

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        return redirect(request, self._way)


def _mounted(front: Resource, path: str) -> Resource:
    """Return the resource of ``/``, with the front page at the path."""
    if not path:
        return front
    *above, name = path.strip("/").split("/")
    root = _Outside(f"{path.strip('/')}/")
    here: InboxResource = root
    for segment in above:
        here.putChild(segment.encode("ascii"), inner := InboxResource())
        here = inner
    here.putChild(name.encode("ascii"), _Mount(front, name))
    return root


class _StaticFile(InboxResource):
    """A file of ``/static``.  The files are few and small, so they stay in memory."""

    def __init__(self, content_type: str, octets: bytes) -> None:
        InboxResource.__init__(self, {"GET": ()})
        self._content_type = content_type
        self._octets = octets

    def get(self, request: Request, parameters: QueryParameters) -> bytes:
        request.setHeader("Content-Type", f"{self._content_type}; charset=utf-8")
        return self._octets


def _static() -> Resource:
    directory = InboxResource()
    for name, content_type in STATIC.items():
        octets = files("txsmtpx.inbox").joinpath("static", name).read_bytes()
        directory.putChild(name.encode("ascii"), _StaticFile(content_type, octets))
    return directory
