"""The mail exchangers of a domain (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import ipaddress
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IResolver, IStreamClientEndpoint
from zope.interface import implementer

from txsmtpx.arguments import checked_except
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_address
from txsmtpx.interfaces import Reactor
from txsmtpx.wire.description import check_number, check_port
from txsmtpx.wire.dns_hosts import DNSHosts
from txsmtpx.wire.dns_records import DNSFailed, NoSuchDomain, Records
from txsmtpx.wire.failover import AllServersFailed, Failover
from txsmtpx.wire.mx_servers import MXServers, NullMX
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.transport_security import TransportSecurity

__all__ = ["DNSFailed", "MXEndpoint", "NoSuchDomain", "NullMX"]


class _Named(Protocol):
    server_name: str


@implementer(IStreamClientEndpoint)
class MXEndpoint:
    """
    The mail servers of a domain, the preferred one first.

    Servers of the same preference are tried in random order.  The addresses of one server are tried as RFC 8305
    defines.

    The endpoint string is ``mx:example.net``, or with another port ``mx:example.net:port=2525``.  An address literal
    stands for itself: ``mx:[192.0.2.1]``, ``mx:[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3).

    Attributes:
        address: The address of a literal; "" for a domain.
        security: As in the arguments.

    Args:
        reactor: Connects, and provides time.
        domain: The part of an address behind the @.  The DNS is asked for its A-labels (RFC 5891).
        port: The port of each server; default 25.
        timeout: Seconds for a connection to each address; default 30.
        resolver: A resolver of `twisted.names`; by default the name servers of the system are asked.
        lookup: Seconds for each answer of the DNS; default 30.
        security: Decides about TLS, such as `txsmtpx.MXSecurity`; None to leave that to ``tls`` of `txsmtpx.connect`.

    Raises:
        ValueError: ``domain`` is no domain, or an address literal that holds no address, or a number is out of range.
        TypeError: A value has the wrong type.

    Example:
        Mail to a domain, by its own servers::

            await connect(MXEndpoint(reactor, "example.net"), tls="opportunistic")
    """

    @checked_except("reactor", "resolver", "security")
    def __init__(
        self,
        reactor: Reactor,
        domain: str,
        port: int = 25,
        timeout: float = 30,
        resolver: IResolver | SystemResolver | None = None,
        lookup: float = 30,
        security: TransportSecurity | None = None,
    ) -> None:
        check_port(port)
        check_number("timeout", timeout)
        check_number("lookup", lookup)
        self.address: str = _literal(domain)
        self.security = security
        self._reactor = clock = cast(IReactorTime, reactor)
        self._domain = to_a_label(domain)
        self._port = port
        self._timeout = timeout
        self._records = Records(clock, resolver, lookup)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the first exchanger that accepts a connection.

        Whether that server accepts mail is not known yet.  `txsmtpx.connect` tries the next one if it does not.

        Args:
            protocolFactory: Makes the protocol.  Its attribute ``server_name`` is set to the name of the exchanger.

        Returns:
            A Deferred of the protocol.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: The domain, or any address, does not exist.
            DNSFailed: The DNS gives no usable answer.
            ConnectError: No server accepts a connection.  It is the error of the last one.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        async def prepare(protocol: IProtocol, name: str) -> IProtocol:
            cast(_Named, protocol).server_name = name
            return protocol

        servers = self.servers()

        def dial(address: str) -> Deferred[IProtocol]:
            return servers.endpoint(address).connect(factory)

        try:
            return await servers.choose(Failover(self._reactor, servers.addresses, lambda host: dial, prepare))
        except AllServersFailed as error:
            raise error.attempts[-1].error from error

    def servers(self) -> MXServers:
        """
        Return the exchangers, for one connection.

        Returns:
            The exchangers, which are looked up when they are needed.
        """
        hosts = DNSHosts(self._reactor, self._records, self._port, self._timeout)
        return MXServers(self._reactor, self._domain, self.address, self._records, hosts, self.security)


def _literal(domain: str) -> str:
    """
    Return the address in an address literal (RFC 5321 §4.1.3); "" if ``domain`` is no literal.

    Returns:
        The address.

    Raises:
        ValueError: The literal holds no address.
    """
    if not domain.startswith("["):
        return ""
    try:
        if not domain.endswith("]"):
            raise ValueError("no ] at its end")
        if asciitext.upper(domain[:6]) == "[IPV6:":
            return plain_address(str(ipaddress.IPv6Address(domain[6:-1])))
        return str(ipaddress.IPv4Address(domain[1:-1]))
    except ValueError as error:
        raise ValueError(f"mx:{domain} is no address literal, such as [192.0.2.1] or [IPv6:2001:db8::1]") from error
