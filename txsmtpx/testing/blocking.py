"""
`txsmtpx.SMTPClient` for tests that wait by blocking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from txsmtpx.testing.layer import OwnClockEndpoint
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.connect import connect
from txsmtpx.wire.target import target


class BlockingClient:
    """
    A client in another thread: its methods are those of `SMTPClient`, and give what comes of the Deferred.

    Attributes:
        client: The `SMTPClient`.

    Args:
        call: Calls a function in the thread of the client, and waits.
    """

    def __init__(self, client: SMTPClient, call: Callable[..., Any]) -> None:
        self.client = client
        self._call = call

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._call(found, *args, **kwargs)


class Clients:
    """
    Connects clients, and remembers them.

    Args:
        place: A `txsmtpx.testing.ReactorThread`, or `txsmtpx.testing.Here`.
    """

    def __init__(self, place: Any) -> None:
        self._place = place
        self._connected: list[SMTPClient] = []

    def connect(self, to: Any, **settings: Any) -> Any:
        """
        Connect to ``to``.

        Args:
            to: A `MailServer`, to which it speaks as that one wants it, and whose certificate it trusts; or an
                endpoint, or its string.
            settings: Of `txsmtpx.connect`.

        Returns:
            A `BlockingClient`; where everybody is on a reactor of yours, a Deferred of an `SMTPClient`.
        """
        reactor = self._place.reactor
        if isinstance(to, MailServer):
            endpoint: Any = TCP4ClientEndpoint(reactor, to.host, to.port)
            settings = {"reactor": reactor, **_suitable(to), **settings}
        else:
            found = target(reactor, to)
            endpoint = found.endpoint
            settings = {"reactor": reactor, "tls": found.tls, "hostname": found.hostname, **settings}
        client = self._place.call(self._connect, endpoint, settings)
        return BlockingClient(client, self._place.call) if isinstance(client, SMTPClient) else client

    def _connect(self, endpoint: Any, settings: dict[str, Any]) -> Deferred[SMTPClient]:
        return connect(OwnClockEndpoint(endpoint, self._place.reactor), **settings).addCallback(self._remember)

    def _remember(self, client: SMTPClient) -> SMTPClient:
        self._connected.append(client)
        return client

    def give_up(self) -> None:
        """Cut them all off."""
        for client in self._connected:
            self._place.call(client.abort)


def _suitable(server: MailServer) -> dict[str, Any]:
    if server.certificate is None:
        return {"lmtp": server.lmtp, "tls": "none", "allow_insecure_auth": True}
    mode = "implicit" if server.tls == "implicit" else "required"
    trusted = str(server.certificate.certificate)
    return {"lmtp": server.lmtp, "tls": mode, "hostname": server.host, "trust_roots": trusted}
