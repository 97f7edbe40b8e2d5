"""Hosts whose addresses are looked up in the DNS."""

from __future__ import annotations

import socket
from typing import Literal, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.names import dns

from txsmtpx.wire.address_lookup import AddressLookup
from txsmtpx.wire.dns_records import Records
from txsmtpx.wire.transport_security import Host


class DNSHosts:
    """
    Look up and connect to hosts.

    Attributes:
        port: As in the arguments.

    Args:
        reactor: Connects, and provides time.
        records: Looks up records.
        port: The port of each host.
        timeout: Seconds for a connection to each address.
    """

    def __init__(self, reactor: IReactorTime, records: Records, port: int, timeout: float) -> None:
        self._reactor = reactor
        self._records = records
        self.port = port
        self._timeout = timeout
        self._found: dict[str, Host] = {}

    def addresses(self, host: str) -> AddressLookup:
        """
        Begin to look up the addresses of a host.

        Args:
            host: The name of the host.

        Returns:
            The look-up.
        """
        self._found.pop(host, None)
        families = (self._family(host, "AAAA", socket.AF_INET6), self._family(host, "A", socket.AF_INET))
        return AddressLookup(self._reactor, [Deferred.fromCoroutine(family) for family in families])

    async def _family(self, host: str, kind: Literal["A", "AAAA"], family: socket.AddressFamily) -> list[str]:
        answer = await self._records.existing(host, kind)
        before = self._found.get(host, Host(host, answer.secure, answer.name))
        self._found[host] = Host(host, before.secure and answer.secure, answer.name)
        records = cast(list[dns.Record_A | dns.Record_AAAA], answer.records)
        return [socket.inet_ntop(family, record.address or b"") for record in records]

    def looked_up(self, host: str) -> Host:
        """
        Return what is known of a host.

        Args:
            host: Its name.

        Returns:
            The host.  It is secure if each answer was that has arrived.
        """
        return self._found.get(host, Host(host, canonical=host))

    def endpoint(self, address: str) -> IStreamClientEndpoint:
        """
        Return the endpoint of one address.

        Args:
            address: An IP address of a host.

        Returns:
            The endpoint.
        """
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self.port, self._timeout)
