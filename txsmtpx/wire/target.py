"""The target of a connection: an endpoint, and what it implies for TLS."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import Any, cast

from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from txsmtpx.grammar.domain import to_a_label
from txsmtpx.interfaces import Endpoint, Reactor
from txsmtpx.wire.client_settings import ClientSettings, TLSMode
from txsmtpx.wire.description import check_host, check_port, fault, host_and_port, is_loopback
from txsmtpx.wire.failover import Servers, SingleServer
from txsmtpx.wire.host_servers import HostServers
from txsmtpx.wire.mx import MXEndpoint
from txsmtpx.wire.mx_servers import MXServers
from txsmtpx.wire.proxy_protocol_client import PROXYEndpoint, proxy_version
from txsmtpx.wire.twisted_internals import endpoint_host, tcp_destination, unix_path


@dataclass(frozen=True)
class Target:
    """
    Where to connect, and what that implies for TLS.  `target` creates it.

    Attributes:
        endpoint: The endpoint, without TLS.
        hostname: The name of the server; "" if it is not known.
        tls: The mode of TLS that suits the endpoint.
        servers: The servers that the endpoint stands for.
        proxies: The proxies before each of the servers, the outermost first.
    """

    endpoint: IStreamClientEndpoint
    hostname: str
    tls: TLSMode
    servers: Servers
    proxies: tuple[PROXYEndpoint, ...] = ()

    def behind(self, proxy: PROXYEndpoint) -> Target:
        """
        Return the same target behind a proxy.

        Args:
            proxy: The proxy.

        Returns:
            The target.
        """
        return replace(self, endpoint=proxy, proxies=(proxy, *self.proxies))

    def tls_mode(self, settings: ClientSettings) -> TLSMode:
        """
        Return the mode of TLS, for servers that have no policy of their own.

        Args:
            settings: The settings of the client.

        Returns:
            The mode.

        Raises:
            ValueError: TLS is required, and STARTTLS, which it needs, is not to be used.  Or the settings decide about
                TLS, and the TLS policies do too.
        """
        secured = isinstance(self.servers, MXServers) and self.servers.security is not None
        if secured and (settings.tls is not None or not settings.tls_verify):
            raise ValueError("the endpoint has security=, which decides about TLS: leave out tls and tls_verify")
        return settings.tls_mode(self.tls)


def target(reactor: Reactor, endpoint: Endpoint) -> Target:
    """
    Read an endpoint, its string, or (host, port).

    ``tls:`` and ``ssl:`` are ``tcp:`` with TLS of txsmtpx, which verifies.  ``haproxy:v1:`` and ``haproxy:v2:`` come
    before any of them.  The mode of TLS is "none" for a UNIX socket and the loopback interface, otherwise "required".

    Args:
        reactor: The reactor, which connects.
        endpoint: The endpoint.

    Returns:
        The target.

    Raises:
        ValueError: It is no endpoint string, or its host is no domain, or its port is no port.
        TypeError: It is none of these.
    """
    try:
        return _target(cast(IReactorTime, reactor), endpoint)
    except Exception as error:  # endpoint parsers raise exceptions of many classes
        if not isinstance(endpoint, str):
            raise
        raise ValueError(f"no endpoint: {endpoint} ({fault(error)})") from error


def _target(reactor: IReactorTime, endpoint: Endpoint) -> Target:
    if isinstance(endpoint, tuple):
        return _by_tcp(reactor, *host_and_port(endpoint))
    if isinstance(endpoint, PROXYEndpoint):
        return _target(reactor, endpoint.endpoint).behind(endpoint)
    if isinstance(endpoint, MXEndpoint):
        return Target(endpoint, "", "none" if is_loopback(endpoint.address) else "required", endpoint.servers())
    if not isinstance(endpoint, str):
        if not callable(getattr(endpoint, "connect", None)) or isinstance(endpoint, type | socket.socket):
            kinds = "a string such as 'tcp:mail.example.com:587', (host, port), or a client endpoint of Twisted"
            raise TypeError(f"an endpoint is {kinds}, not {endpoint!r}")
        host = endpoint_host(endpoint)
        local = unix_path(endpoint) is not None or is_loopback(host)
        client = cast(IStreamClientEndpoint, endpoint)
        return Target(client, host, "none" if local else "required", SingleServer(reactor, client))
    kind, _, rest = endpoint.partition(":")
    if kind in ("tls", "ssl"):
        plain = _target(reactor, f"tcp:{rest}")
        return replace(plain, tls="implicit")
    if kind == "haproxy":
        version, _, within = rest.partition(":")
        inner = _target(reactor, within)
        return inner.behind(PROXYEndpoint(inner.endpoint, proxy_version(version)))
    made = clientFromString(reactor, endpoint)
    if isinstance(made, MXEndpoint):
        return _target(reactor, made)
    if kind == "tcp":
        return _by_tcp(reactor, *tcp_destination(made))
    if kind == "unix" and not unix_path(made):
        raise ValueError("missing: path")
    return Target(made, "", "none" if kind == "unix" else "required", SingleServer(reactor, made))


def _by_tcp(
    reactor: IReactorTime, host: str, port: int, timeout: float = 30, bind_address: Any = None
) -> Target:
    """
    Return the target of a host and a port.

    Returns:
        The target.

    Raises:
        ValueError: The host is no host, or the port no port.
    """
    host = to_a_label(host)
    check_host(host)
    check_port(port)
    by_name = HostnameEndpoint(reactor, host, port, timeout, bind_address)
    servers = HostServers(reactor, host, port, timeout, bind_address)
    return Target(by_name, host, "none" if is_loopback(host) else "required", servers)
