"""The web site of a queue."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime

from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue_web.queue_administration import QueueAdministration
from txsmtpx.queue_web.queue_page_renderer import QueuePageRenderer
from txsmtpx.queue_web.queue_pages import QueueFrontPage
from txsmtpx.queue_web.queue_routes import QUEUE, queue_routes
from txsmtpx.web.api_router import ApiRouter
from txsmtpx.web.checked_site import CheckedSite
from txsmtpx.web.static_files import static_files
from txsmtpx.web.web_login import WebLogin
from txsmtpx.wire.http_channel import most_connections

MAX_CONNECTIONS = 100
"""Connections, if the process has enough file descriptors."""


class QueueSite(CheckedSite):
    """
    Serve the pages and the API of a queue.  `QueueWebService` creates it.

    Args:
        queue: The queue.
        clock: It keeps the time.
        names: Host names that the site accepts, see `SameOriginCheck`.
        path: The path of the site.
        proxies: The networks of proxies whose fields ``X-Forwarded-*`` are read, see `RequestAddresses`.
        login: It checks the login of each request; None for no login.

    Raises:
        ValueError: A host name is not a domain, or the path or a network is wrong.
    """

    def __init__(
        self,
        queue: MailQueue,
        clock: IReactorTime,
        names: Iterable[str] = (),
        path: str = "/",
        proxies: Iterable[str] = (),
        login: WebLogin | None = None,
    ) -> None:
        administration = QueueAdministration(queue)
        front = QueueFrontPage(QueuePageRenderer(administration))
        front.putChild(b"static", static_files("txsmtpx.web", "txsmtpx.queue_web"))
        front.putChild(b"api", ApiRouter(queue_routes(administration)))
        most = most_connections(MAX_CONNECTIONS)
        CheckedSite.__init__(self, QUEUE, front, clock, most, names, path, proxies, login=login)
