"""The exchangers of a domain as the servers of one connection (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import random
from typing import TypeVar, cast

from twisted.internet.defer import succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.names import dns

from txsmtpx.errors import Fault, NetworkError
from txsmtpx.grammar import asciitext
from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.dns_hosts import DNSHosts
from txsmtpx.wire.dns_records import Records, decoded, host_name
from txsmtpx.wire.failover import Failover
from txsmtpx.wire.transport_security import Exchangers, HostTLS, TransportSecurity

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


class MXServers:
    """
    The exchangers of a domain, for one connection.  `txsmtpx.MXEndpoint` creates it.

    Attributes:
        domain: As in the arguments.
        address: The address that the domain stands for as an address literal; "" for a domain.
        security: Decides about TLS; None to leave that to the settings of the client.

    Args:
        reactor: Connects, and provides time.
        domain: The domain, as A-labels.
        address: As the attribute.
        records: Looks up records.
        hosts: Looks up and connects to hosts.
        security: As the attribute.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        domain: str,
        address: str,
        records: Records,
        hosts: DNSHosts,
        security: TransportSecurity | None,
    ) -> None:
        self.domain = domain
        self.address = address
        self.security = security
        self._reactor = reactor
        self._records = records
        self._hosts = hosts
        self._found = Exchangers(domain, ())

    @property
    def authentic(self) -> bool:
        """True if the exchangers are those of the domain: it is an address, or DNSSEC has validated their names."""
        return bool(self.address) or self._found.secure

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
        self._found = await self.exchangers()
        return await failover.run(self.domain, self._found.names)

    async def exchangers(self) -> Exchangers:
        """
        Look up the exchangers of the domain.

        Returns:
            The exchangers.  The domain itself if it has no MX records.  The address, for an address literal.

        Raises:
            NullMX: The domain accepts no mail.
            NoSuchDomain: The domain does not exist.
            DNSFailed: The DNS gives no usable answer.
        """
        if self.address:
            return Exchangers(self.domain, [self.address], canonical=self.domain, port=self._hosts.port)
        answer = await self._records.existing(self.domain, "MX")
        records = cast(list[dns.Record_MX], answer.records)
        found = [(each.preference, decoded(each.name)) for each in records]
        if any(not name for _, name in found):
            raise NullMX(f"{self.domain} accepts no mail (null MX)")
        random.shuffle(found)  # the sort is stable, so equal preferences stay shuffled
        names: dict[str, str] = {}
        for _, name in sorted(found, key=lambda pair: pair[0]):
            names.setdefault(asciitext.lower(name), name)
        ordered = list(names.values()) or [host_name(self.domain)]
        return Exchangers(self.domain, ordered, answer.secure, answer.name, self._hosts.port)

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
        return self._hosts.addresses(host)

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint of one address.

        Args:
            address: An IP address of an exchanger.

        Returns:
            The endpoint.
        """
        return self._hosts.endpoint(address)

    async def tls(self, host: str) -> HostTLS | None:
        """
        Decide about the TLS of a connection to an exchanger.

        Args:
            host: The name of the exchanger.

        Returns:
            The decision; None to leave that to the settings of the client.

        Raises:
            TLSFailed: The exchanger must not get mail for the domain, or the DNS gives no usable answer about it.
        """
        if self.security is None:
            return None
        return await self.security.host(self._found, self._hosts.looked_up(host), self._records)
