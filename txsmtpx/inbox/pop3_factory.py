"""The POP3 port of the inbox: what its connections share, and how many there are."""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Cooperator
from twisted.logger import Logger

from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.pop3_channel import Pop3Channel
from txsmtpx.inbox.pop3_connection import Pop3Connection
from txsmtpx.inbox.pop3_login import Pop3Login
from txsmtpx.wire.http_channel import RefusedConnection, most_connections
from txsmtpx.wire.server_certificate import Certificate

log = Logger(__name__)

MAX_CONNECTIONS = 50
"""Connections, if the process has enough file descriptors.  A client opens one for each look at its mail."""


class Pop3Factory(ServerFactory):
    """
    Create the connections of POP3 clients.  ``twistd smtpx --web-pop3`` creates it.

    Attributes:
        inbox: The inbox.
        logins: It checks the logins.
        certificate: The certificate for STLS; None to offer no STLS.
        clock: It keeps the time.
        cooperator: It runs work that takes turns.

    Args:
        inbox: The inbox.
        clock: See the attributes.
        checker: It checks names and passwords; None to accept each from this host.
        certificate: See the attributes.

    Example:
        >>> from twisted.internet import reactor
        >>> from txsmtpx import MemoryBackend
        >>> from txsmtpx.inbox.inbox_service import InboxService
        >>> service = InboxService(MemoryBackend(), "tcp:8025:interface=127.0.0.1", reactor)
        >>> factory = Pop3Factory(service.inbox, reactor)
    """

    noisy = False

    def __init__(
        self,
        inbox: Inbox,
        clock: IReactorTime,
        checker: ICredentialsChecker | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.inbox: Inbox = inbox
        self.logins: Pop3Login = Pop3Login(checker, clock)
        self.certificate: Certificate | None = certificate
        self.clock: IReactorTime = clock
        self.cooperator: Cooperator = Cooperator(scheduler=lambda turn: clock.callLater(0, turn))
        self._most = most_connections(MAX_CONNECTIONS)
        self._open: dict[Pop3Channel, None] = {}

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Make the protocol of a connection.

        Args:
            addr: The address of the client.

        Returns:
            The protocol; one that aborts the connection if there are too many.
        """
        if len(self._open) >= self._most:
            silent = [each for each in self._open if not each.busy]
            if not silent:
                log.warn("pop3: {most} connections are busy; a new one is closed", most=self._most)
                return RefusedConnection()
            min(silent, key=lambda connection: connection.since).abort()
        connection = Pop3Connection(self)
        self._open[connection] = None
        return connection

    def remove(self, connection: Pop3Channel) -> None:
        """
        Count a connection no more.

        Args:
            connection: The connection, which is lost or about to be.
        """
        self._open.pop(connection, None)

    def stopFactory(self) -> None:
        """Abort all connections."""
        for connection in list(self._open):
            connection.abort()
