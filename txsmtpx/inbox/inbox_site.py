"""The web site of the inbox: its paths, and the changes that it follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.interfaces import IReactorTime

from txsmtpx.inbox.api_table import INBOX, api_table
from txsmtpx.inbox.automatic_forwarding import AutomaticForwarding
from txsmtpx.inbox.event_stream import EventStream
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.mailpit_view_resource import MailpitViewsResource
from txsmtpx.inbox.page_renderer import ListeningAddress, PageRenderer
from txsmtpx.inbox.pages import FrontPage
from txsmtpx.web.api_router import ApiRouter
from txsmtpx.web.checked_site import CheckedSite
from txsmtpx.web.static_files import static_files
from txsmtpx.web.web_login import WebLogin
from txsmtpx.wire.http_channel import most_connections
from txsmtpx.wire.http_site import LimitedSite

MAX_CONNECTIONS = 500
"""Connections, if the process has enough file descriptors.  A browser opens up to six to one host."""


class InboxSite(CheckedSite):
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
        self.inbox = inbox
        most = most_connections(MAX_CONNECTIONS)
        self._events = EventStream(inbox, clock, most // 4)
        front = FrontPage(PageRenderer(inbox, addresses))
        front.putChild(b"api", ApiRouter(api_table(inbox, self._events, most // 2)))
        front.putChild(b"static", static_files("txsmtpx.web", "txsmtpx.inbox"))
        front.putChild(b"view", MailpitViewsResource(inbox))
        CheckedSite.__init__(self, INBOX, front, clock, most, names, path, proxies, origins, login)
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
