"""The mail exchangers of a domain (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import ipaddress
import random
import socket
from typing import Literal, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IResolver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from txsmtpx.arguments import checked_except
from txsmtpx.errors import Fault, NetworkError
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_address
from txsmtpx.interfaces import Reactor
from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.description import check_number, check_port
from txsmtpx.wire.dns_records import DNSFailed, NoSuchDomain, Records, decoded, host_name
from txsmtpx.wire.failover import AllServersFailed, Failover
from txsmtpx.wire.system_resolver import SystemResolver

__all__ = ["DNSFailed", "MXEndpoint", "NoSuchDomain", "NullMX"]

T = TypeVar("T")


class NullMX(NetworkError, DNSLookupError):
    """
    The DNS has answered that the domain accepts no mail (RFC 7505).

    Example:
        >>> NullMX("example.org accepts no mail").temporary
        False
    """

    command = "DNS"
    temporary = False
    fault = Fault.SERVER


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

    Args:
        reactor: Connects, and provides time.
        domain: The part of an address behind the @.  The DNS is asked for its A-labels (RFC 5891).
        port: The port of each server; default 25.
        timeout: Seconds for a connection to each address; default 30.
        resolver: A resolver of `twisted.names`; by default the name servers of the system are asked.
        lookup: Seconds for each answer of the DNS; default 30.

    Raises:
        ValueError: ``domain`` is no domain, or an address literal that holds no address, or a number is out of range.
        TypeError: A value has the wrong type.

    Example:
        Mail to a domain, by its own servers::

            await connect(MXEndpoint(reactor, "example.net"), tls="opportunistic")
    """

    @checked_except("reactor", "resolver")
    def __init__(
        self,
        reactor: Reactor,
        domain: str,
        port: int = 25,
        timeout: float = 30,
        resolver: IResolver | SystemResolver | None = None,
        lookup: float = 30,
    ) -> None:
        check_port(port)
        check_number("timeout", timeout)
        check_number("lookup", lookup)
        self.address: str = _literal(domain)
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

        def dial(address: str) -> Deferred[IProtocol]:
            return self.endpoint(address).connect(factory)

        try:
            return await self.choose(Failover(self._reactor, self.addresses, lambda host: dial, prepare))
        except AllServersFailed as error:
            raise error.attempts[-1].error from error

    async def choose(self, failover: Failover[T]) -> T:
        """
        Run a failover among the exchangers.

        Args:
            failover: The failover.

        Returns:
            Its result.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: Neither the domain nor an exchanger of it has an address.
            DNSFailed: The DNS gives no usable answer for the exchangers.
            AllServersFailed: None of several servers can be used.
        """
        return await failover.run(self._domain, await self.exchangers())

    async def exchangers(self) -> list[str]:
        """
        Look up the exchangers of the domain.

        Returns:
            Their names, the preferred one first.  The domain itself if it has no MX records.  The address, for an
            address literal.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: The domain does not exist.
            DNSFailed: The DNS gives no usable answer.
        """
        if self.address:
            return [self.address]
        found = [(each.preference, decoded(each.name)) for each in await self._records.exchangers(self._domain)]
        if any(not name for _, name in found):
            raise NullMX(f"{self._domain} accepts no mail (null MX)")
        random.shuffle(found)  # the sort is stable, so equal preferences stay shuffled
        names: dict[str, str] = {}
        for _, name in sorted(found, key=lambda pair: pair[0]):
            names.setdefault(asciitext.lower(name), name)
        return list(names.values()) or [host_name(self._domain)]

    def addresses(self, host: str) -> AddressLookup:
        """
        Begin to look up the addresses of an exchanger.

        Args:
            host: The name of the exchanger.

        Returns:
            The look-up.
        """
        if self.address:
            return AddressLookup(self._reactor, [succeed([self.address])])
        families = (self._family(host, "AAAA", socket.AF_INET6), self._family(host, "A", socket.AF_INET))
        return AddressLookup(self._reactor, [Deferred.fromCoroutine(family) for family in families])

    async def _family(self, host: str, kind: Literal["A", "AAAA"], family: socket.AddressFamily) -> list[str]:
        return [socket.inet_ntop(family, record.address or b"") for record in await self._records.addresses(host, kind)]

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint of one address.

        Args:
            address: An IP address of an exchanger.

        Returns:
            The endpoint.
        """
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self._port, self._timeout)


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
