"""`txsmtpx.SMTPClient` for tests that block."""

from __future__ import annotations

from typing import Any, Unpack

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from txsmtpx.arguments import checked
from txsmtpx.interfaces import ClientEndpoint, Endpoint
from txsmtpx.testing.keywords import ClientKeywords
from txsmtpx.testing.layer import OwnClockEndpoint
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.thread import Here, ReactorThread
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import TLSMode
from txsmtpx.wire.connect import connect
from txsmtpx.wire.target import target


class BlockingClient:
    """
    A client in another thread.  It has the methods of `txsmtpx.SMTPClient`, which return the results of the Deferreds.

    Args:
        client: The client.
        thread: The thread of the client.

    Attributes:
        client: The client.
    """

    def __init__(self, client: SMTPClient, thread: ReactorThread) -> None:
        self.client = client
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._thread.call(lambda: found(*args, **kwargs))


class Clients:
    """
    The clients of a test.  The fixture ``smtp_client`` creates it.

    Args:
        place: The thread in which they run, or the reactor.
    """

    def __init__(self, place: ReactorThread | Here) -> None:
        self._place = place
        self._connected: list[SMTPClient] = []

    @checked
    def connect(
        self, to: MailServer | Endpoint, **settings: Unpack[ClientKeywords]
    ) -> BlockingClient | Deferred[SMTPClient]:
        """
        Connect a client.

        Args:
            to: A server, for which the right settings are the default; or an endpoint, or its string.
            settings: The arguments of `txsmtpx.connect`.

        Returns:
            The client; on the caller's reactor a Deferred of a `txsmtpx.SMTPClient`.

        Raises:
            TypeError: An argument is unknown or has the wrong type.
        """
        reactor = self._place.reactor
        suitable: ClientKeywords = {"reactor": reactor}
        if isinstance(to, MailServer):
            endpoint: ClientEndpoint = TCP4ClientEndpoint(reactor, to.host, to.port)
            suitable |= _suitable(to)
        else:
            found = target(reactor, to)
            endpoint = found.endpoint
            suitable |= {"tls": found.tls, "hostname": found.hostname}
        suitable |= settings
        if isinstance(self._place, Here):
            return self._connect(endpoint, suitable)
        client: SMTPClient = self._place.call(self._connect, endpoint, suitable)
        return BlockingClient(client, self._place)

    def _connect(self, endpoint: ClientEndpoint, settings: ClientKeywords) -> Deferred[SMTPClient]:
        return connect(OwnClockEndpoint(endpoint, self._place.reactor), **settings).addCallback(self._remember)

    def _remember(self, client: SMTPClient) -> SMTPClient:
        self._connected.append(client)
        return client

    def give_up(self) -> None:
        """Abort all clients."""
        for client in self._connected:
            self._place.call(client.abort)


def _suitable(server: MailServer) -> ClientKeywords:
    if server.certificate is None:
        return {"lmtp": server.lmtp, "tls": "none", "allow_insecure_auth": True}
    mode: TLSMode = "implicit" if server.tls == "implicit" else "required"
    trusted = str(server.certificate.certificate)
    return {"lmtp": server.lmtp, "tls": mode, "hostname": server.host, "trust_roots": trusted}
