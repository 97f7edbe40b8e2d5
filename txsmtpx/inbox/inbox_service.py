"""The web inbox as a Twisted service, which ``twistd smtpx --web`` starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.application.service import IService, MultiService
from twisted.application.strports import service
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.inbox.api_table import INBOX
from txsmtpx.inbox.faults import Faults
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_backend import InboxBackend
from txsmtpx.inbox.inbox_memory_store import MemoryStore
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.inbox.inbox_site import InboxSite
from txsmtpx.inbox.mail_release import MailRelease
from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.page_renderer import ListeningAddress
from txsmtpx.inbox.store_limits import NO_LIMITS, MailboxLimits
from txsmtpx.inbox.webhook import Webhook
from txsmtpx.interfaces import Reactor
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.web_login import WebLogin
from txsmtpx.wire.server_certificate import Certificate
from txsmtpx.wire.service import SMTPService


class InboxService(MultiService):
    """
    Serve the messages of a memory backend, or of an inbox backend, over HTTP.

    If the parent service has an `SMTPService` too, the pages show how to send mail to its ports.

    Attributes:
        inbox: The messages.

    Args:
        backend: The backend that keeps the messages.
        endpoint: The description of a server endpoint, such as ``tcp:8025:interface=127.0.0.1``.
        reactor: The reactor.
        names: Host names that browsers may use, besides ``localhost`` and IP addresses.
        path: The path of the inbox, such as ``/mail``.
        proxies: The networks of proxies whose fields ``X-Forwarded-*`` are read; ``unix`` for those of a UNIX socket.
        origins: The origins of other sites whose pages may use the API, such as ``https://app.example.org``.
        checker: It checks names and passwords, with which each client has to log in; None for no login.
        tokens: The tokens with which programs may log in instead.
        release: It sends messages on to real recipients; None to allow nothing of this.
        mailbox_limits: The limits of the mailboxes.
        faults: The faults on demand; None to allow none.
        webhook: It sends a request for each message that arrives; None for none.
        tools: What users may do with a message beyond reading it; None for nothing.

    Raises:
        ValueError: The description, a host name, the path or a network is wrong.  Other kinds of endpoints may raise
            other exceptions.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import MemoryBackend
        >>> inbox = InboxService(MemoryBackend(), "tcp:8025:interface=127.0.0.1", reactor)
    """

    def __init__(
        self,
        backend: MemoryBackend | InboxBackend,
        endpoint: str,
        reactor: IInboxReactor | Reactor,
        names: Iterable[str] = (),
        path: str = "/",
        proxies: Iterable[str] = (),
        origins: Iterable[str] = (),
        checker: ICredentialsChecker | None = None,
        tokens: ApiTokens | None = None,
        release: MailRelease | None = None,
        mailbox_limits: MailboxLimits = NO_LIMITS,
        faults: Faults | None = None,
        webhook: Webhook | None = None,
        tools: MessageTools | None = None,
    ) -> None:
        MultiService.__init__(self)
        clock = cast(IInboxReactor, reactor)
        store = MemoryStore(backend, clock) if isinstance(backend, MemoryBackend) else backend.store
        store.mailboxes.limit(mailbox_limits)
        self.inbox: Inbox = Inbox(store, clock, release, faults, tools)
        login = None if checker is None else WebLogin(INBOX, checker, tokens, clock)
        self._reactor = clock
        self._site = InboxSite(self.inbox, clock, self._addresses, names, path, proxies, origins, login)
        MultiService.addService(self, service(endpoint, self._site, clock))
        self._webhook = webhook
        if webhook is not None:
            self.inbox.subscribers.append(webhook.changed)
        if release is not None:
            MultiService.addService(self, release.pool)

    def add_pop3(self, endpoint: str, checker: ICredentialsChecker | None, certificate: Certificate | None) -> IService:
        """
        Serve the messages to POP3 clients too.

        Args:
            endpoint: The description of a server endpoint, such as ``tcp:1110:interface=127.0.0.1``.
            checker: It checks names and passwords; None to accept each from this host.
            certificate: The certificate for STLS; None to offer no STLS.

        Returns:
            The service that listens, which is a part of this one.

        Raises:
            ValueError: The description is wrong.
        """
        from txsmtpx.inbox.pop3_factory import Pop3Factory

        factory = Pop3Factory(self.inbox, self._reactor, checker, certificate)
        listening: IService = service(endpoint, factory, self._reactor)
        MultiService.addService(self, listening)
        return listening

    def _addresses(self) -> list[ListeningAddress]:
        siblings = self.parent if isinstance(self.parent, MultiService) else ()
        ports = [port for each in siblings if isinstance(each, SMTPService) for port in each.ports]
        found = [port.getHost() for port in ports]
        return [(_reachable(each.host), each.port) for each in found if isinstance(each, IPv4Address | IPv6Address)]

    def stopService(self) -> Deferred[None]:
        """
        Stop listening, close all connections, and end the process that parses long messages.

        Returns:
            A Deferred that fires when that process has ended.
        """
        stopped = maybeDeferred(MultiService.stopService, self)
        if self._webhook is not None:
            closed = self._webhook.close()
            stopped.addCallback(lambda _: closed)
        return stopped.addCallback(lambda _: self.inbox.parser.exited())


def _reachable(host: str) -> str:
    """Return the address to connect to, for a port that listens on ``host``."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host
