"""
`connect`: a connection that is greeted, secured and logged in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from txsmtpx.dialog.client import checked
from txsmtpx.dialog.demands import EightBit
from txsmtpx.dialog.extension import Extension
from txsmtpx.errors import CommandCancelled, DeliveryError, NetworkError, NotOffered, TLSFailed
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_address
from txsmtpx.wire.client import SMTPClient
from txsmtpx.wire.client_settings import Auth, ClientSettings, TLSMode
from txsmtpx.wire.client_tls import ClientTLS, UnverifiedTLS
from txsmtpx.wire.description import check_host, check_port, fault, host_and_port
from txsmtpx.wire.failover import Dial, Failover, Servers, SingleServer
from txsmtpx.wire.host_servers import HostServers
from txsmtpx.wire.mx import MXEndpoint
from txsmtpx.wire.proxy_protocol_client import PROXYEndpoint, proxy_version
from txsmtpx.wire.timeouts import Timeouts
from txsmtpx.wire.transcript import Transcript, to_log
from txsmtpx.wire.twisted_internals import endpoint_host, tcp_destination, unix_path
from txsmtpx.wire.unlogged_factory import UnloggedFactory

log = Logger(__name__)


@dataclass(frozen=True)
class Target:
    """
    Where to connect, and what that says of TLS.

    Attributes:
        endpoint: Without TLS.
        hostname: The server's name, "" where it is not known.
        tls: The mode that suits it.
        servers: The servers that the endpoint stands for.
        proxies: The proxies before each of the servers, the outermost first.
    """

    endpoint: IStreamClientEndpoint
    hostname: str
    tls: TLSMode
    servers: Servers
    proxies: tuple[PROXYEndpoint, ...] = ()

    def behind(self, proxy: PROXYEndpoint) -> Target:
        """Return the same target behind a proxy."""
        return replace(self, endpoint=proxy, proxies=(proxy, *self.proxies))


def target(reactor: Any, endpoint: Any) -> Target:
    """
    What an endpoint, its string, or (host, port) says.

    ``tls:`` and ``ssl:`` are ``tcp:`` with TLS of ours, which verifies; ``haproxy:v1:`` and ``haproxy:v2:`` stand
    before any of them.  To a UNIX socket or the loopback interface the default is no TLS, to everybody else STARTTLS.

    Raises:
        ValueError: It is no endpoint string, or its host is no domain, or its port is no port.
        TypeError: It is nothing of the kind.
    """
    try:
        return _target(reactor, endpoint)
    except Exception as error:  # endpoint parsers raise exceptions of many classes
        if not isinstance(endpoint, str):
            raise
        raise ValueError(f"no endpoint: {endpoint} ({fault(error)})") from error


def _target(reactor: Any, endpoint: Any) -> Target:
    if isinstance(endpoint, tuple):
        return _by_tcp(reactor, *host_and_port(endpoint))
    if isinstance(endpoint, PROXYEndpoint):
        return _target(reactor, endpoint.endpoint).behind(endpoint)
    if isinstance(endpoint, MXEndpoint):
        return Target(endpoint, "", "none" if _is_local(endpoint.address) else "required", endpoint)
    if not isinstance(endpoint, str):
        if not hasattr(endpoint, "connect"):
            kinds = "a string such as 'tcp:mail.example.com:587', (host, port), or a client endpoint of Twisted"
            raise TypeError(f"an endpoint is {kinds}, not {endpoint!r}")
        host = endpoint_host(endpoint)
        local = unix_path(endpoint) is not None or _is_local(host)
        return Target(endpoint, host, "none" if local else "required", SingleServer(reactor, endpoint))
    kind, _, rest = endpoint.partition(":")
    if kind in ("tls", "ssl"):
        plain = _target(reactor, f"tcp:{rest}")
        return replace(plain, tls="implicit")
    if kind == "haproxy":
        version, _, within = rest.partition(":")
        said = _target(reactor, within)
        return said.behind(PROXYEndpoint(said.endpoint, proxy_version(version)))
    made = clientFromString(reactor, endpoint)
    if isinstance(made, MXEndpoint):
        return _target(reactor, made)
    if kind == "tcp":
        return _by_tcp(reactor, *tcp_destination(made))
    if kind == "unix" and not unix_path(made):
        raise ValueError("missing: path")
    return Target(made, "", "none" if kind == "unix" else "required", SingleServer(reactor, made))


def _by_tcp(reactor: Any, host: str, port: int, timeout: float = 30, bind_address: Any = None) -> Target:
    """
    Raises:
        ValueError: The host is no host, or the port no port.
    """
    host = to_a_label(host)
    check_host(host)
    check_port(port)
    by_name = HostnameEndpoint(reactor, host, port, timeout, bind_address)
    servers = HostServers(reactor, host, port, timeout, bind_address)
    return Target(by_name, host, "none" if _is_local(host) else "required", servers)


def _is_local(host: str) -> bool:
    if asciitext.lower(host).removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain_address(host)).is_loopback
    except ValueError:
        return False


def connect(
    endpoint: Any,
    *,
    lmtp: bool = False,
    tls: TLSMode | None = None,
    auth: Auth | None = None,
    auth_optional: bool = False,
    hostname: str = "",
    domain: str = "",
    timeouts: Timeouts | float | None = None,
    trust_roots: Any = None,
    tls_verify: bool = True,
    client_certificate: Any = None,
    allow_insecure_auth: bool = False,
    transcript: Transcript | bool = False,
    extensions: Sequence[Extension] = (),
    without: Collection[str] = (),
    eight_bit: EightBit = "refuse",
    reactor: Any = None,
) -> Deferred[SMTPClient]:
    """
    Connect, listen to the greeting, say hello, start TLS, log in.

    Args:
        endpoint: ``(host, port)``, which is ``tcp:HOST:PORT``; or a client endpoint; or its string: ``tcp:HOST:PORT``,
            ``tls:HOST:PORT``, ``unix:PATH``, ``mx:DOMAIN``, ``haproxy:v2:ENDPOINT``.
        lmtp: Speak LMTP.
        tls: None for what suits the endpoint: "implicit" for ``tls:``, "none" for UNIX sockets and the loopback
            interface, else "required".
        auth: (username, password), or the client half of a SASL mechanism.
        auth_optional: Log in only if the server offers AUTH with a mechanism that ``auth`` fits; if it does not, go
            on without a login.  A password is still not sent in the clear unless ``allow_insecure_auth`` is True.
        hostname: The name to verify, where it is not that of the endpoint.
        domain: What we call ourselves: a domain or an address literal, "" for the address of this end.
        timeouts: `Timeouts`, or one number of seconds for each phase; None for the defaults.
        trust_roots: None for the system's; the path of a PEM file; or an ``IOpenSSLTrustRoot``.
        tls_verify: False accepts any certificate, for servers whose certificate cannot be verified.  Then anyone on
            the way can read and change the mail, and read the password.  A warning is logged once in each process.
        client_certificate: A `twisted.internet.ssl.PrivateCertificate`.
        allow_insecure_auth: Log in without TLS, where everybody on the way can read it.
        transcript: True for every line in the log, or a function; secrets are blacked out.
        extensions: What we understand besides those in the box.
        without: Keywords of extensions that are not used, though the server offers them, such as
            ``{"PIPELINING", "CHUNKING"}``; and so for those that require one of them.
        eight_bit: What becomes of octets above 127 where the server does not offer 8BITMIME, and of UTF-8 in headers
            where it does not offer SMTPUTF8: "refuse" raises `EightBitContent` or `NotOffered`, "send" sends the octets
            as they are.  An ``EmailMessage`` is always written as the server takes it.

    Raises:
        SMTPError: The server said no; it is sent QUIT, in the background, as where it does not offer what is needed.
        NotOffered: It does not offer TLS, or the login, that were asked for.
        TLSFailed: It is not who it should be.
        NetworkError: It cannot be reached, was lost or is silent; an instance of Twisted's class for that too, such
            as ``ConnectionRefusedError`` (`twisted.internet.error`).
        AllServersFailed: None of several servers can be used.
        DNSFailed: The DNS gives no usable answer.
        NoSuchDomain: The domain of ``mx:`` does not exist.
        NullMX: The domain of ``mx:`` accepts no mail.
    """
    if reactor is None:
        from twisted.internet import reactor
    settings = ClientSettings(
        lmtp=lmtp,
        tls=tls,
        auth=auth,
        auth_optional=auth_optional,
        hostname=hostname,
        domain=domain,
        timeouts=timeouts,
        trust_roots=trust_roots,
        tls_verify=tls_verify,
        client_certificate=client_certificate,
        allow_insecure_auth=allow_insecure_auth,
        transcript=transcript,
        extensions=extensions,
        without=without,
        eight_bit=eight_bit,
    )
    return connect_with(settings, endpoint, reactor)


def connect_with(settings: ClientSettings, endpoint: Any, reactor: Any) -> Deferred[SMTPClient]:
    """
    `connect`, with settings that were checked before.
    """
    to = target(reactor, endpoint)
    mode = settings.tls_mode(to.tls)
    if mode == "implicit" and not isinstance(to.servers, MXEndpoint):
        settings.tls_options(to.hostname)  # which raises an error now if the options are wrong
    return _Connecting(reactor, to, mode, settings, Timeouts.of(settings.timeouts)).begin()


def _threads_of(reactor: Any) -> Callable[..., Deferred[Any]]:
    """
    Return a function that calls another in a thread; at once, if the reactor is a ``Clock``, which has no threads.
    """
    if not hasattr(reactor, "getThreadPool"):
        return maybeDeferred
    return lambda function, *arguments: deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)


@dataclass(frozen=True)
class _Connecting:
    """
    What it takes to get a connection that is ready for MAIL.
    """

    reactor: Any
    to: Target
    mode: TLSMode
    settings: ClientSettings
    timeouts: Timeouts

    def begin(self) -> Deferred[SMTPClient]:
        """Get the connection within ``Timeouts.ready``."""
        failover = Failover(self.reactor, self.to.servers.addresses, self._dial, self._prepare)

        def too_late(result: Any, seconds: float) -> Any:
            text = "; ".join([f"not ready within {seconds} seconds", *map(str, failover.attempts)])
            raise NetworkError.like(TimeoutError, text, "connect")

        ready = Deferred.fromCoroutine(self._ready(failover))
        seconds = self.timeouts.ready
        return ready.addTimeout(seconds, self.reactor, too_late) if seconds else ready

    async def _ready(self, failover: Failover[SMTPClient]) -> SMTPClient:
        try:
            connection = await self.to.servers.choose(failover)
        except CancelledError as error:
            if isinstance(error, DeliveryError):
                raise
            raise CommandCancelled("the caller cancelled it", command="connect") from error
        auth = self.settings.auth
        if auth is None:
            return connection
        if self.settings.auth_optional and not connection.can_authenticate(auth):
            server = connection.server_name or self.to.hostname or "the server"
            log.info("{server} does not offer a login; mail is sent without (auth_optional=True)", server=server)
            return connection
        try:
            await connection.authenticate(auth)
        except BaseException:
            connection.quit()  # which has no error, and a bound; a connection that is out of step is aborted
            raise
        return connection

    def _dial(self, name: str) -> Dial:
        return lambda address: Deferred.fromCoroutine(self._connected(name, address))

    async def _connected(self, name: str, address: str) -> SMTPClient:
        options = self._tls(name) if self.mode == "implicit" else None
        factory: Any = UnloggedFactory.forProtocol(lambda: self._client(options))
        if options is not None:  # wrapClientTLS would take the clock of the global reactor
            factory = TLSMemoryBIOFactory(options, True, factory, self.reactor)
        endpoint = self.to.servers.endpoint(address)
        for proxy in reversed(self.to.proxies):
            endpoint = proxy.around(endpoint)
        connecting: Deferred[Any] = endpoint.connect(factory)
        if self.timeouts.connect:
            connecting.addTimeout(self.timeouts.connect, self.reactor, _too_late)
        try:
            protocol = await connecting
        except (ConnectError, ConnectionClosed, DNSLookupError) as error:
            if isinstance(error, DeliveryError):
                raise
            raise NetworkError.of(error, "DNS" if isinstance(error, DNSLookupError) else "connect") from error
        return protocol if options is None else protocol.wrappedProtocol  # type: ignore[no-any-return]

    async def _prepare(self, connection: SMTPClient, name: str) -> SMTPClient:
        """Read the greeting, send EHLO, and start TLS: if that fails, the next server is tried."""
        connection.server_name = connection.server_name or name
        try:
            checked(await connection.greeting, "greeting")
            await connection.hello()
            offered = "STARTTLS" in connection.extensions
            if self.mode == "required" and connection.tls is None and not offered:
                text = "the server does not offer STARTTLS, and tls is required"
                raise NotOffered(text, command="STARTTLS", temporary=True)
            if self.mode in ("required", "opportunistic") and connection.tls is None and offered:
                await connection.start_tls(self._tls(connection.server_name))
        except BaseException:
            connection.quit()  # see above
            raise
        return connection

    def _client(self, options: ClientTLS | UnverifiedTLS | None) -> SMTPClient:
        """
        Args:
            options: Those of TLS from the first octet, None if TLS does not begin there.
        """
        settings, reactor = self.settings, self.reactor
        transcript = settings.transcript
        return SMTPClient(
            clock=reactor,
            in_thread=_threads_of(reactor),
            lmtp=settings.lmtp,
            domain=settings.domain,
            timeouts=self.timeouts,
            allow_insecure_auth=settings.allow_insecure_auth,
            transcript=(to_log if transcript else None) if isinstance(transcript, bool) else transcript,
            tls_options=options,
            extensions=settings.extensions,
            without=settings.without,
            eight_bit=settings.eight_bit,
        )

    def _tls(self, name: str) -> ClientTLS | UnverifiedTLS:
        """
        Return the options of TLS for the server ``name``.

        Raises:
            TLSFailed: No certificate can be verified for that name, such as one with an underscore.
        """
        try:
            return self.settings.tls_options(self.to.hostname or name)
        except UnicodeError as error:
            raise TLSFailed(f"no certificate can be verified for the name {name}: {error}") from error


def _too_late(result: Any, seconds: float) -> Any:
    """
    Raises:
        NetworkError: Which is a ``TimeoutError`` of `twisted.internet.error`, as every time-out of a client.
    """
    raise NetworkError.like(TimeoutError, f"no connection within {seconds} seconds", "connect")
