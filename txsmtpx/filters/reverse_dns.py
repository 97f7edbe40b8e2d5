"""
A filter that looks up the client's host name, and confirms it (RFC 8601 §3, "iprev").

The names in the PTR records of the address are looked up in turn.  A name is confirmed if it has the client's address.
Without that step, the owner of an address could give it any name.
"""

from __future__ import annotations

import ipaddress
from typing import cast

from twisted.internet.interfaces import IReactorTime, IResolver
from twisted.names import dns

from txsmtpx.arguments import checked_except
from txsmtpx.filters.all_of import all_of
from txsmtpx.filters.reverse_name import ReverseName
from txsmtpx.filters.seconds import check_seconds
from txsmtpx.grammar import asciitext
from txsmtpx.interfaces import Accept, Connection, Reactor, clock_of
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.dns_records import DNSFailed, Kind, Records, RecordSet, decoded, host_name
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.ttl_cache import TTLCache

MAX_NAMES = 10
"""Names of an address that are looked up.  RFC 7208 §4.6.4 has the same limit for "ptr" of SPF."""

CACHED = 4096
"""Addresses whose names are kept.  All their names together have at most 10 MiB."""


class ReverseDNS:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which find the client's host name in the DNS.

    The filter rejects nothing.  Its result is a `txsmtpx.filters.reverse_name.ReverseName` in ``connection.results``,
    for the filters behind it, the backend and the log.  If the DNS does not answer, the client has no confirmed name.

    Args:
        lookup: Seconds for each answer of the DNS; there are two in turn.
        resolver: A resolver of `twisted.names`; by default the name servers of the system are asked.
        reactor: The reactor.  None: the global one.

    Attributes:
        call_timeout: Seconds for each call of a filter: for the names, and their addresses, in turn.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``lookup`` is not above 0.

    Example:
        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> backend = FilterBackend(MemoryBackend(), ReverseDNS(reactor=Clock()))
    """

    @checked_except("resolver")
    def __init__(
        self, *, lookup: float = 5, resolver: IResolver | SystemResolver | None = None, reactor: Reactor | None = None
    ) -> None:
        check_seconds("lookup", lookup)
        self.call_timeout: float = 2 * lookup + 5
        clock = cast(IReactorTime, clock_of(reactor))
        self._records = Records(clock, resolver, lookup)
        self._cache: TTLCache[str, ReverseName] = TTLCache(clock, CACHED)

    def __call__(self, connection: Connection) -> ReverseDNSFilter:
        """Return the filter for a connection."""
        return ReverseDNSFilter(connection, self)

    async def name_of(self, address: str) -> ReverseName:
        """
        Look up the names of an address.

        Args:
            address: An IP address.

        Returns:
            The names.
        """
        found = self._cache.get(address)
        if found is None:
            found, ttl = await self._look_up(address)
            self._cache.put(address, found, ttl)
        return found

    async def _look_up(self, address: str) -> tuple[ReverseName, int]:
        """Return the names, and the seconds for which they may be kept; 0 if an answer is missing."""
        try:
            pointers = await self._records.record_set(ipaddress.ip_address(address).reverse_pointer, "PTR")
        except DNSFailed:
            return ReverseName("", failed=True), 0
        names = _host_names(pointers)
        kind: Kind = "AAAA" if ":" in address else "A"
        sets = await all_of([self._addresses(each, kind) for each in names])
        confirmed = [name for name, each in zip(names, sets, strict=True) if each and address in _addresses(each)]
        answers = [each for each in sets if each is not None]
        failed = not confirmed and len(answers) < len(sets)
        ttl = 0 if len(answers) < len(sets) else min(each.ttl for each in [pointers, *answers])
        return ReverseName(confirmed[0] if confirmed else "", tuple(names), failed), ttl

    async def _addresses(self, name: str, kind: Kind) -> RecordSet | None:
        try:
            return await self._records.record_set(name, kind)
        except DNSFailed:
            return None


class ReverseDNSFilter(Filter):
    """
    The filter of one connection.  `ReverseDNS` creates it.

    Args:
        connection: The connection of the client.
        reverse_dns: The maker.
    """

    def __init__(self, connection: Connection, reverse_dns: ReverseDNS) -> None:
        super().__init__(connection)
        self._reverse_dns = reverse_dns

    async def connected(self, connection: Connection) -> Accept | None:
        """
        Look up the client's name.

        Args:
            connection: The connection.

        Returns:
            The result; None for a client on a UNIX socket.
        """
        if not connection.peer_host:
            return None
        return Accept(results=[await self._reverse_dns.name_of(connection.peer_host)])


def _host_names(pointers: RecordSet) -> list[str]:
    """Return the first names that are host names, in lower case, each once."""
    found: dict[str, None] = {}
    for each in pointers.records:
        name = asciitext.lower(decoded(cast(dns.Name, cast(dns.Record_PTR, each).name)))
        try:
            found[host_name(name)] = None
        except DNSFailed:  # a PTR record may hold any octets
            continue
        if len(found) == MAX_NAMES:
            break
    return list(found)


def _addresses(records: RecordSet) -> list[str]:
    """Return the addresses of A or AAAA records in their plain form."""
    found = [cast(dns.Record_A | dns.Record_AAAA, each).address for each in records.records]
    return [str(ipaddress.ip_address(cast(bytes, each))) for each in found]
