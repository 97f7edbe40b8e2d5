"""`txsmtpx.SMTPClient` for tests that block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Concatenate, Generic, ParamSpec, TypeVar, Unpack, overload

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from txsmtpx.arguments import checked
from txsmtpx.interfaces import ClientEndpoint, Endpoint
from txsmtpx.testing.keywords import ClientKeywords
from txsmtpx.testing.layer import OwnClockEndpoint
from txsmtpx.testing.mail_server import MailServer
from txsmtpx.testing.script import Script
from txsmtpx.testing.thread import Here, ReactorThread
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import TLSMode
from txsmtpx.wire.connect import connect
from txsmtpx.wire.target import target
from txsmtpx.wire.tls_state import TLSState

P = ParamSpec("P")
R = TypeVar("R")


class _Blocking(Generic[P, R]):
    """A method of `txsmtpx.SMTPClient` that waits for the result of its Deferred."""

    def __init__(self, method: Callable[Concatenate[SMTPClient, P], Deferred[R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, client: None, owner: type[BlockingClient]) -> _Blocking[P, R]: ...

    @overload
    def __get__(self, client: BlockingClient, owner: type[BlockingClient]) -> Callable[P, R]: ...

    def __get__(self, client: BlockingClient | None, owner: type[BlockingClient]) -> _Blocking[P, R] | Callable[P, R]:
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return client.thread.call(lambda: self._method(client.client, *args, **kwargs))

        return call


class BlockingClient:
    """
    A client in another thread.  Its methods are those of `txsmtpx.SMTPClient`, and return the results of the Deferreds.

    Args:
        client: The client.
        thread: The thread of the client.

    Attributes:
        client: The client.
        thread: The thread of the client.
    """

    def __init__(self, client: SMTPClient, thread: ReactorThread) -> None:
        self.client = client
        self.thread = thread

    send = _Blocking(SMTPClient.send)
    mail = _Blocking(SMTPClient.mail)
    rcpt = _Blocking(SMTPClient.rcpt)
    data = _Blocking(SMTPClient.data)
    transmit = _Blocking(SMTPClient.transmit)
    bdat = _Blocking(SMTPClient.bdat)
    reset = _Blocking(SMTPClient.reset)
    noop = _Blocking(SMTPClient.noop)
    verify = _Blocking(SMTPClient.verify)
    expand = _Blocking(SMTPClient.expand)
    help = _Blocking(SMTPClient.help)
    command = _Blocking(SMTPClient.command)
    hello = _Blocking(SMTPClient.hello)
    start_tls = _Blocking(SMTPClient.start_tls)
    authenticate = _Blocking(SMTPClient.authenticate)
    xclient = _Blocking(SMTPClient.xclient)
    xforward = _Blocking(SMTPClient.xforward)
    quit = _Blocking(SMTPClient.quit)
    close = _Blocking(SMTPClient.close)

    def abort(self) -> None:
        """Abort the connection now."""
        self.thread.call(self.client.abort)

    @property
    def extensions(self) -> Mapping[str, object]:
        """As `txsmtpx.SMTPClient.extensions`."""
        return self.client.extensions

    @property
    def tls(self) -> TLSState | None:
        """As `txsmtpx.SMTPClient.tls`."""
        return self.client.tls

    @property
    def usable(self) -> bool:
        """As `txsmtpx.SMTPClient.usable`."""
        return self.client.usable

    @property
    def authenticated(self) -> bool:
        """As `txsmtpx.SMTPClient.authenticated`."""
        return self.client.authenticated


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
        self, to: MailServer | Script | Endpoint, **settings: Unpack[ClientKeywords]
    ) -> BlockingClient | Deferred[SMTPClient]:
        """
        Connect a client.

        Args:
            to: A `MailServer`, for which the right settings are the default; a `Script`; or an endpoint, or its string.
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
            found = target(reactor, to.endpoint if isinstance(to, Script) else to)
            endpoint = found.endpoint
            suitable |= {"tls": found.tls, "hostname": found.hostname}
        suitable |= settings
        if isinstance(self._place, Here):
            return self._connect(endpoint, suitable)
        client = self._place.call(self._connect, endpoint, suitable)
        return BlockingClient(client, self._place)

    def _connect(self, endpoint: ClientEndpoint, settings: ClientKeywords) -> Deferred[SMTPClient]:
        return connect(OwnClockEndpoint(endpoint, self._place.reactor), **settings).addCallback(self._remember)

    def _remember(self, client: SMTPClient) -> SMTPClient:
        self._connected.append(client)
        return client

    def abort_all(self) -> None:
        """Abort all clients."""
        for client in self._connected:
            self._place.call(client.abort)


def _suitable(server: MailServer) -> ClientKeywords:
    if server.certificate is None:
        return {"lmtp": server.lmtp, "tls": "none", "allow_insecure_auth": True}
    mode: TLSMode = "implicit" if server.tls == "implicit" else "required"
    trusted = str(server.certificate.certificate)
    return {"lmtp": server.lmtp, "tls": mode, "hostname": server.host, "trust_roots": trusted}
