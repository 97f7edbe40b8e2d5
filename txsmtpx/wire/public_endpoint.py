"""
Connect to a host only if its addresses are public, or in networks that the operator names.

The name is looked up once, and the connection goes to an address that was checked.  So a name that resolves to a public
address first and to a private one later (DNS rebinding) does not lead into a private network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from zope.interface import implementer

from txsmtpx.grammar.host import Network, plain_address
from txsmtpx.wire.dns_records import DNSFailed
from txsmtpx.wire.host_servers import HostServers

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""The last 32 bits of an address are that of an IPv4 host (RFC 6052 §2.1)."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The public addresses of IPv6 (RFC 4291 §2.4)."""

_6TO4 = ipaddress.IPv6Network("2002::/16")


class NotPublic(Exception):
    """A host has an address to which no connection is allowed."""


def is_public(address: str) -> bool:
    """
    Check an IP address.

    Args:
        address: The address.

    Returns:
        True if it is the public address of one host.  Addresses of 6to4, which lead to any IPv4 address, are not.

    Example:
        >>> is_public("93.184.215.14"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
        (True, False, False)
    """
    found = ipaddress.ip_address(plain_address(address))
    if isinstance(found, ipaddress.IPv6Address):
        if found not in _NAT64:
            return found in _GLOBAL_UNICAST and found not in _6TO4 and found.is_global
        found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not (found.is_multicast or found.is_reserved)


@implementer(IStreamClientEndpoint)
class PublicEndpoint:
    """
    The endpoint of one host and port.

    Args:
        reactor: Looks up the name, connects, and provides time.
        host: The name or the IP address of the host.
        port: The port.
        timeout: Seconds for the look-up, and for a connection to each address.
        networks: Networks that are allowed besides public addresses.
        public: False to allow the networks alone.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        host: str,
        port: int,
        timeout: float,
        networks: Sequence[Network] = (),
        public: bool = True,
    ) -> None:
        self._servers = HostServers(reactor, host, port, timeout, None)
        self._host = host
        self._networks = networks
        self._public = public

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to the host (`IStreamClientEndpoint.connect`).

        Args:
            protocolFactory: It makes the protocol.

        Returns:
            A Deferred of the protocol.  It fails with `NotPublic` if any address of the host is not allowed.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        lookup = self._servers.addresses(self._host)
        addresses = await lookup.next_batch()
        if not addresses:
            raise DNSFailed(f"{self._host} has no address")
        for address in addresses:
            if not self._allows(address):
                raise NotPublic(f"{self._host} has the address {address}, which is not public")
        for address in addresses[:-1]:
            try:
                return await self._servers.endpoint(address).connect(factory)
            except Exception:  # an endpoint raises exceptions of many classes; the next address is tried
                continue
        return await self._servers.endpoint(addresses[-1]).connect(factory)

    def _allows(self, address: str) -> bool:
        found = ipaddress.ip_address(plain_address(address))
        if any(found in network for network in self._networks):
            return True
        return self._public and is_public(address)
