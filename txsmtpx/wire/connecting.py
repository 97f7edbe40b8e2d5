"""
The way to a connection that is ready for MAIL: connect, greeting, EHLO, STARTTLS, AUTH.

If a server cannot be used, the next one is tried (`txsmtpx.wire.failover`), up to STARTTLS.  A login that fails is not
tried elsewhere.  If a server closes the connection after it has rejected an access token, another connection is opened
for the next one.
"""

from __future__ import annotations

from typing import NoReturn, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from txsmtpx.dialog.exchange import checked
from txsmtpx.errors import CommandCancelled, DeliveryError, NetworkError, NotOffered, SMTPError, TLSFailed
from txsmtpx.interfaces import Endpoint, Reactor, clock_of
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_login import WRONG_CREDENTIALS
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings
from txsmtpx.wire.client_tls import ClientTLS, UnverifiedTLS
from txsmtpx.wire.failover import Dial, Failover
from txsmtpx.wire.mx_servers import MXServers
from txsmtpx.wire.oauth2 import OAuth2
from txsmtpx.wire.target import target
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transport_security import HostTLS
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)


def chosen_reactor(given: Reactor | None) -> IReactorTime:
    """
    Return the reactor that a caller means.

    Args:
        given: The argument ``reactor`` of a public function; None for the global reactor.

    Returns:
        The reactor.

    Raises:
        TypeError: It is no reactor.
    """
    reactor = clock_of(given)
    if isinstance(reactor, type) or not callable(getattr(reactor, "callLater", None)):
        raise TypeError(f"reactor is a reactor of Twisted or a Clock, not {given!r}")
    return cast(IReactorTime, reactor)


def connect_with(settings: ClientSettings, endpoint: Endpoint, reactor: IReactorTime) -> Deferred[SMTPClient]:
    """
    Do what `txsmtpx.connect` does, with settings that were checked before.

    Args:
        settings: The settings.
        endpoint: The endpoint.
        reactor: The reactor.

    Returns:
        A Deferred of the connection.

    Raises:
        ValueError: The endpoint or the options of TLS cannot be used.
    """
    return Connecting(settings, endpoint, reactor).begin()


class Connecting:
    """
    One way to a connection.

    Args:
        settings: The settings.
        endpoint: The endpoint.
        reactor: The reactor.

    Raises:
        ValueError: The endpoint or the options of TLS cannot be used.
        TypeError: The endpoint is none.
    """

    def __init__(self, settings: ClientSettings, endpoint: Endpoint, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._settings = settings
        self._timeouts = Timeouts.of(settings.timeouts)
        self._to = target(reactor, endpoint)
        self._mode = self._to.tls_mode(settings)
        self._tls_failed = False  # with a server to which mail may be sent without
        self._in_clear = False
        if self._mode == "implicit" and not isinstance(self._to.servers, MXServers):
            settings.tls_options(self._to.hostname)  # which raises an error now if the options are wrong

    def begin(self) -> Deferred[SMTPClient]:
        """
        Begin to connect.

        Returns:
            A Deferred of the connection, which fires within `Timeouts.ready` seconds.
        """
        failover = self._failover()

        def too_late(result: object, seconds: float) -> SMTPClient:
            text = "; ".join([f"not ready within {seconds} seconds", *map(str, failover.attempts)])
            raise NetworkError.like(TimeoutError, text, "connect")

        ready = Deferred.fromCoroutine(self._ready(failover))
        seconds = self._timeouts.ready
        return ready.addTimeout(seconds, self._reactor, too_late) if seconds else ready

    def _failover(self) -> Failover[SMTPClient]:
        return Failover(self._reactor, self._to.servers.addresses, self._dial, self._prepare)

    async def _ready(self, failover: Failover[SMTPClient], again: bool = False) -> SMTPClient:
        try:
            client = await self._to.servers.choose(failover)
        except CancelledError as error:
            if isinstance(error, DeliveryError):
                raise
            raise CommandCancelled("the caller cancelled it", command="connect") from error
        except DeliveryError as error:
            if self._in_clear or not self._tls_failed:
                raise
            self._in_clear = True
            text = "TLS with the servers of {domain} failed; trying without, as the policy allows: {error}"
            log.info(text, domain=cast(MXServers, self._to.servers).domain, error=error)
            return await self._ready(self._failover(), again)
        auth = self._settings.auth
        if auth is None:
            return client
        if self._settings.auth_optional and not client.can_authenticate(auth):
            server = client.server_name or self._to.hostname or "the server"
            log.info("{server} does not offer a login; mail is sent without (auth_optional=True)", server=server)
            return client
        try:
            await client.authenticate(auth)
        except BaseException as error:
            closed = not client.usable
            client.quit()  # which has no error, and a bound; a connection that is out of step is aborted
            if again or not closed or not isinstance(auth, OAuth2) or not _is_rejected(auth, error):
                raise
        else:
            return client
        return await self._ready(self._failover(), again=True)  # the server has rejected the token, and closed

    def _dial(self, name: str) -> Dial:
        return lambda address: Deferred.fromCoroutine(self._connected(name, address))

    async def _connected(self, name: str, address: str) -> ClientProtocol:
        options = self._tls(name) if self._mode == "implicit" else None
        factory: IProtocolFactory = UnloggedFactory.forProtocol(
            lambda: ClientProtocol(self._settings, reactor=self._reactor, tls_options=options)
        )
        if options is not None:  # wrapClientTLS would take the clock of the global reactor
            factory = TLSMemoryBIOFactory(options, True, factory, self._reactor)
        endpoint = self._to.servers.endpoint(address)
        for proxy in reversed(self._to.proxies):
            endpoint = proxy.around(endpoint)
        connecting = endpoint.connect(factory)
        if self._timeouts.connect:
            connecting.addTimeout(self._timeouts.connect, self._reactor, _too_late)
        try:
            protocol = await connecting
        except (ConnectError, ConnectionClosed, DNSLookupError) as error:
            if isinstance(error, DeliveryError):
                raise
            raise NetworkError.of(error, "DNS" if isinstance(error, DNSLookupError) else "connect") from error
        below = protocol if options is None else cast(TLSMemoryBIOProtocol, protocol).wrappedProtocol
        return cast(ClientProtocol, below)

    async def _prepare(self, protocol: ClientProtocol, name: str) -> SMTPClient:
        """Read the greeting, send EHLO, and start TLS: if that fails, the next server is tried."""
        protocol.server_name = protocol.server_name or name
        client = SMTPClient(protocol)
        servers = self._to.servers
        decision: HostTLS | None = None
        address = str(getattr(protocol.transport.getPeer(), "host", ""))
        try:
            checked(await client.greeting, "greeting")
            await client.hello()
            decision = await servers.tls(name) if isinstance(servers, MXServers) else None
            await self._secure(client, decision)
        except BaseException as error:
            client.quit()  # see above
            if decision is not None and isinstance(error, DeliveryError) and not isinstance(error, CommandCancelled):
                decision.ended(error, address, False)
                self._tls_failed = self._tls_failed or decision.mode == "opportunistic"
            raise
        if decision is not None and not self._in_clear:
            decision.ended(None, address, client.tls is not None)
        return client

    async def _secure(self, client: SMTPClient, decision: HostTLS | None) -> None:
        """Start TLS by STARTTLS, unless there is TLS or none is to be used."""
        mode = self._mode if decision is None else decision.mode
        if mode == "opportunistic" and self._in_clear:
            return
        offered = "STARTTLS" in client.extensions
        if mode == "required" and client.tls is None and not offered:
            text = "the server does not offer STARTTLS, and tls is required"
            raise NotOffered(text, command="STARTTLS", temporary=True)
        if mode in ("required", "opportunistic") and client.tls is None and offered:
            name = client.server_name
            await client.start_tls(self._tls(name) if decision is None else decision.options(self._settings))

    def _tls(self, name: str) -> ClientTLS | UnverifiedTLS:
        """
        Return the options of TLS for a server.

        Returns:
            The options.

        Raises:
            TLSFailed: No certificate can be verified for that name, such as one with an underscore.
        """
        try:
            options = self._settings.tls_options(self._to.hostname or name)
        except UnicodeError as error:
            raise TLSFailed(f"no certificate can be verified for the name {name}: {error}") from error
        servers = self._to.servers
        if isinstance(options, ClientTLS) and isinstance(servers, MXServers) and not self._settings.hostname:
            options.authenticates = servers.authentic  # RFC 8689 §4.2.1: the name of an exchanger may be forged
        return options


def _too_late(result: object, seconds: float) -> NoReturn:
    """
    Raise the error of a connection that took too long.

    Raises:
        NetworkError: It is a ``TimeoutError`` of `twisted.internet.error`, as each time-out of a client.
    """
    raise NetworkError.like(TimeoutError, f"no connection within {seconds} seconds", "connect")


def _is_rejected(auth: OAuth2, error: BaseException) -> bool:
    """Return whether a server has rejected the token, by 535 or by an error in a challenge, and not only the client."""
    return isinstance(error, SMTPError) and (error.code == WRONG_CREDENTIALS or not auth.tokens.access_token)
