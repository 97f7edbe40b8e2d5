"""
The inbox as a service of the command.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import MultiService
from twisted.application.strports import service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_site import InboxSite
from txsmtpx.inbox.pages import ListeningAddress
from txsmtpx.wire.service import SMTPService


class InboxService(MultiService):
    """
    Shows what a memory backend has.

    Where its parent runs an `SMTPService` too, the pages say how to send something there.

    Args:
        endpoint: The description of a server endpoint.
        names: Names of this host by which browsers may call it, besides ``localhost`` and addresses.

    Raises:
        ValueError: There is no such endpoint; each kind of them raises others too.
    """

    def __init__(self, backend: MemoryBackend, endpoint: str, reactor: Any, names: Iterable[str] = ()) -> None:
        MultiService.__init__(self)
        self._inbox = Inbox(backend, reactor)
        self._site = InboxSite(self._inbox, reactor, self._addresses, names)
        MultiService.addService(self, service(endpoint, self._site, reactor))

    def _addresses(self) -> list[ListeningAddress]:
        siblings = self.parent if isinstance(self.parent, MultiService) else ()
        ports = [port for each in siblings if isinstance(each, SMTPService) for port in each.ports]
        found = [port.getHost() for port in ports]
        return [(_reachable(each.host), each.port) for each in found if isinstance(each, IPv4Address | IPv6Address)]

    def stopService(self) -> Deferred[Any]:
        """Stop listening, close all connections, and end the process that opens messages."""
        stopped = maybeDeferred(MultiService.stopService, self)
        return stopped.addCallback(lambda _: self._inbox.ended())


def _reachable(host: str) -> str:
    """Where on this host one finds what listens on ``host``."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host
