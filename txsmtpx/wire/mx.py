"""
Mail exchangers: RFC 5321 §5.1, RFC 7505.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

from txsmtpx.errors import Fault, NetworkError
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import to_a_label
from txsmtpx.grammar.host import plain_address
from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.description import check_host, check_port
from txsmtpx.wire.dns_records import DNSFailed, Kind, NoSuchDomain, Records, decoded, host_name
from txsmtpx.wire.failover import AllServersFailed, Failover
from txsmtpx.wire.system_resolver import SystemResolver

__all__ = ["DNSFailed", "MXEndpoint", "MXParser", "NoSuchDomain", "NullMX"]

T = TypeVar("T")


class NullMX(NetworkError, DNSLookupError):
    """The DNS has answered that the domain accepts no mail (RFC 7505)."""

    command = "DNS"
    temporary = False
    fault = Fault.SERVER


@implementer(IStreamClientEndpoint)
class MXEndpoint:
    """
    The mail servers of a domain: by preference, equals in any order, the addresses of each in a race (RFC 8305).

    As a string: ``mx:example.net``, or with another port ``mx:example.net:port=2525``.  An address literal stands for
    itself: ``mx:[192.0.2.1]``, ``mx:[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3).

    Attributes:
        address: The address of a literal, "" for a domain.

    Args:
        reactor: Connects, and keeps the time.
        domain: What stands behind the @; looked up as its A-labels (RFC 5891).
        port: Of each server.
        timeout: Seconds for a connection to each address.
        resolver: Of `twisted.names`; None for the name servers of the system.
        lookup: Seconds for each answer of the DNS.

    Raises:
        ValueError: ``domain`` is no domain, or an address literal that holds no address.
    """

    def __init__(
        self,
        reactor: Any,
        domain: str,
        port: int = 25,
        timeout: float = 30,
        resolver: Any = None,
        lookup: float = 30,
    ) -> None:
        self.address = _literal(domain)
        self._reactor = reactor
        self._domain = to_a_label(domain)
        self._port = port
        self._timeout = timeout
        self._records = Records(reactor, SystemResolver(reactor) if resolver is None else resolver, lookup)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the first exchanger that accepts a connection; ``server_name`` of the protocol is set to its name.

        Whether that server accepts mail is not known yet.  `txsmtpx.connect` tries the next one if it does not.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: The domain, or any address, does not exist.
            DNSFailed: The DNS gives no usable answer.
            ConnectError: No server accepts a connection; the error is that of the last.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        async def prepare(protocol: Any, name: str) -> IProtocol:
            protocol.server_name = name
            return protocol  # type: ignore[no-any-return]  # endpoints are not generic

        def dial(address: str) -> Deferred[IProtocol]:
            return self.endpoint(address).connect(factory)

        try:
            return await self.choose(Failover(self._reactor, self.addresses, lambda host: dial, prepare))
        except AllServersFailed as error:
            raise error.attempts[-1].error from error

    async def choose(self, failover: Failover[T]) -> T:
        """
        Run a failover among the exchangers, and return its result.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: Neither the domain nor an exchanger of it has an address.
            DNSFailed: The DNS gives no usable answer for the exchangers.
            AllServersFailed: None of several servers can be used.
        """
        return await failover.run(self._domain, await self.exchangers())

    async def exchangers(self) -> list[str]:
        """
        Return the names of the exchangers, the preferred one first; the domain itself if it has no MX records.

        For an address literal that is the address.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: The domain does not exist.
            DNSFailed: The DNS gives no usable answer.
        """
        if self.address:
            return [self.address]
        found = [(each.preference, decoded(each.name)) for each in await self._records.look_up(self._domain, "MX")]
        if any(not name for _, name in found):
            raise NullMX(f"{self._domain} takes no mail (null MX)")
        random.shuffle(found)  # and the sort is stable: equals stay shuffled
        names: dict[str, str] = {}
        for _, name in sorted(found, key=lambda pair: pair[0]):
            names.setdefault(asciitext.lower(name), name)
        return list(names.values()) or [host_name(self._domain)]

    def addresses(self, host: str) -> AddressLookup:
        """Begin to look up the addresses of an exchanger."""
        if self.address:
            return AddressLookup(self._reactor, [succeed([self.address])])
        families = (self._family(host, "AAAA", socket.AF_INET6), self._family(host, "A", socket.AF_INET))
        return AddressLookup(self._reactor, [Deferred.fromCoroutine(family) for family in families])

    async def _family(self, host: str, kind: Kind, family: socket.AddressFamily) -> list[str]:
        return [socket.inet_ntop(family, record.address) for record in await self._records.look_up(host, kind)]

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """Return the endpoint of one address."""
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self._port, self._timeout)


def _literal(domain: str) -> str:
    """
    Return the address in an address literal (RFC 5321 §4.1.3), "" if ``domain`` is no literal.

    Raises:
        ValueError: It holds no address.
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


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class MXParser:
    """``mx:DOMAIN:port=N:timeout=S:lookup=S``, for ``clientFromString``."""

    prefix = "mx"

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> MXEndpoint:
        """
        Raises:
            ValueError: There is no domain, or port or a time are no numbers.
            TypeError: There is something else.
        """
        return _parsed(reactor, *_joined(args), **kwargs)


def _joined(words: Sequence[str]) -> list[str]:
    """Join the words that a literal was split into: its colons separate no words."""
    first, *rest = words or [""]
    while first.startswith("[") and not first.endswith("]") and rest:
        first += f":{rest.pop(0)}"
    return [first, *rest]


def _parsed(reactor: Any, domain: str, port: str = "25", timeout: str = "30", *, lookup: str = "30") -> MXEndpoint:
    if not domain:
        raise ValueError("mx: needs a domain")
    if not domain.startswith("["):
        check_host(domain)
    check_port(int(port))
    return MXEndpoint(reactor, domain, int(port), float(timeout), lookup=float(lookup))
