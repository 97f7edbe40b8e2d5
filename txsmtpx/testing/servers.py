"""The servers that one fixture has started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from twisted.internet.defer import Deferred

from txsmtpx.interfaces import BackendLike, Clock
from txsmtpx.testing.certificate import Pem
from txsmtpx.testing.fixture_types import MailServerOptions
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.thread import Here, ReactorThread


class Servers:
    """
    The servers that one fixture has started.  The fixture creates it.

    Args:
        place: The thread in which the servers run, or the reactor.
        certificate: The certificate of servers with TLS.
    """

    def __init__(self, place: ReactorThread | Here, certificate: Pem) -> None:
        self._place = place
        self._certificate = certificate
        self._started: list[MailServer] = []

    def make(
        self,
        backend: BackendLike | Callable[[Clock], BackendLike] | None = None,
        **options: Unpack[MailServerOptions],
    ) -> MailServer:
        """
        Start a server.

        Args:
            backend: As for `MailServer`.
            options: The other arguments of `MailServer`.

        Returns:
            The server.
        """
        options.setdefault("certificate", self._certificate if options.get("tls") else None)
        options.setdefault("where", self._place)
        server = MailServer(backend, **options).start()
        self._started.append(server)
        return server

    def stop(self) -> list[Deferred[None]]:
        """
        Stop all servers.

        Returns:
            The Deferreds of the servers that run on the caller's reactor.
        """
        return [stopped for server in self._started if (stopped := server.stop()) is not None]
