"""The web site of a queue as a Twisted service, which ``twistd smtpx --queue-web`` starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.application.service import MultiService
from twisted.application.strports import service
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.interfaces import IReactorCore, IReactorTime

from txsmtpx.interfaces import Reactor
from txsmtpx.queue.mail_queue import MailQueue
from txsmtpx.queue_web.queue_routes import QUEUE
from txsmtpx.queue_web.queue_site import QueueSite
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.web_login import WebLogin


class QueueWebService(MultiService):
    """
    Serve a queue over HTTP.  The queue needs a service of its own.

    Args:
        queue: The queue.
        endpoint: The description of a server endpoint, such as ``tcp:8026:interface=127.0.0.1``.
        reactor: The reactor.
        names: Host names that browsers may use, besides ``localhost`` and IP addresses.
        path: The path of the site, such as ``/queue``.
        proxies: The networks of proxies whose fields ``X-Forwarded-*`` are read; ``unix`` for those of a UNIX socket.
        checker: It checks names and passwords, with which each client has to log in; None for no login.
        tokens: The tokens with which programs may log in instead.

    Raises:
        ValueError: The description, a host name, the path or a network is wrong.  Other kinds of endpoints may raise
            other exceptions.

    Example:
        ::

            queue = MailQueue(SQLiteQueueStore("queue.db"))
            site = QueueWebService(queue, "tcp:8026:interface=127.0.0.1", reactor)
    """

    def __init__(
        self,
        queue: MailQueue,
        endpoint: str,
        reactor: Reactor,
        names: Iterable[str] = (),
        path: str = "/",
        proxies: Iterable[str] = (),
        checker: ICredentialsChecker | None = None,
        tokens: ApiTokens | None = None,
    ) -> None:
        MultiService.__init__(self)
        clock = cast(IReactorTime, reactor)
        login = None if checker is None else WebLogin(QUEUE, checker, tokens, clock)
        site = QueueSite(queue, clock, names, path, proxies, login)
        MultiService.addService(self, service(endpoint, site, cast(IReactorCore, reactor)))
