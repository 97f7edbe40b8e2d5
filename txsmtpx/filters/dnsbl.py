"""A filter that asks DNS lists about the client's address (RFC 5782), and rejects a client that they have."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, cast

from twisted.internet.interfaces import IReactorTime, IResolver
from twisted.logger import Logger
from twisted.names import dns

from txsmtpx.arguments import checked_except
from txsmtpx.filters.all_of import all_of
from txsmtpx.filters.dns_list import DNSList, is_listing, query_name
from txsmtpx.filters.dnsbl_result import DNSBLResult, Listing
from txsmtpx.filters.seconds import check_seconds
from txsmtpx.grammar.host import Network, plain_network
from txsmtpx.grammar.options import RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Accept, Connection, Reactor, Verdict, clock_of
from txsmtpx.middleware.filter import Filter
from txsmtpx.wire.dns_records import DNSFailed, Records
from txsmtpx.wire.system_resolver import SystemResolver
from txsmtpx.wire.ttl_cache import TTLCache

log = Logger(__name__)

CACHED = 10_000
"""Answers of lists that are kept."""

MAX_REASON = 200
"""Characters of the text of a list in a reply."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

LOCAL = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""The networks of this host and of private addresses, about which no list knows anything."""


class DNSListError(Exception):
    """A DNS list does not answer as a list does."""


def listed_554(address: str, zone: str, reason: str) -> Reply:
    """
    Return the reply to a client that a DNS list has, as Postfix writes it.

    Args:
        address: The client's address.
        zone: The zone of the list.
        reason: The text of the list; ``""`` without one.

    Returns:
        The reply.
    """
    text = f"Service unavailable; Client host [{address}] blocked using {zone}"
    return Reply(554, (5, 7, 1), f"{text}; {reason}" if reason else text)


class DNSBL:
    """
    A maker of filters for `txsmtpx.FilterBackend`, which ask DNS lists about the client.

    All lists are asked at the same time.  A list that does not answer counts as one that does not have the address.
    Answers are kept for their TTL.

    Args:
        zones: The lists: a text such as ``"zen.example"`` or ``"zen.example=127.0.0.[2..11]*2,bl.example"`` (see
            `txsmtpx.filters.dns_list.DNSList.parse`); several such texts; or weights by text.
        reject_at: The score from which on the client is rejected, by 554 5.7.1.  None: no client is rejected.
        at: "connect" rejects the client instead of the greeting.  "recipient" rejects each recipient; then a client
            that has authenticated is accepted.
        exempt: Networks whose clients are not looked up.  Default: `LOCAL`.
        lookup: Seconds for each answer of the DNS.
        resolver: A resolver of `twisted.names`; by default the name servers of the system are asked.
        reactor: The reactor.  None: the global one.

    Attributes:
        call_timeout: Seconds for each call of a filter: for the addresses, and the text of a list, in turn.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A value cannot be used.

    Example:
        >>> from twisted.internet.task import Clock
        >>> from txsmtpx import FilterBackend, MemoryBackend
        >>> lists = DNSBL({"zen.example": 2, "bl.example": 1, "good.example": -3}, reject_at=2, reactor=Clock())
        >>> backend = FilterBackend(MemoryBackend(), lists)
    """

    @checked_except("resolver")
    def __init__(
        self,
        zones: str | Sequence[str] | Mapping[str, float],
        *,
        reject_at: float | None = 1,
        at: Literal["connect", "recipient"] = "connect",
        exempt: Sequence[str] = LOCAL,
        lookup: float = 5,
        resolver: IResolver | SystemResolver | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        check_seconds("lookup", lookup)
        self.call_timeout: float = 2 * lookup + 5
        if reject_at is not None and not 0 < reject_at < math.inf:
            raise ValueError(f"reject_at is a score above 0 or None, not {reject_at!r}")
        clock = cast(IReactorTime, clock_of(reactor))
        self.lists: tuple[DNSList, ...] = _lists(zones)
        self.reject_at = reject_at
        self.at = at
        self._exempt = [_network(each) for each in exempt]
        self._records = Records(clock, resolver, lookup)
        self._cache: TTLCache[str, tuple[str, ...]] = TTLCache(clock, CACHED)

    def __call__(self, connection: Connection) -> DNSBLFilter:
        """Return the filter for a connection."""
        return DNSBLFilter(connection, self)

    def asks_about(self, address: str) -> bool:
        """
        Return whether the lists are asked about a client.

        Args:
            address: The client's IP address; ``""`` for a client on a UNIX socket.

        Returns:
            True if they are asked.
        """
        if not address:
            return False
        host = ipaddress.ip_address(address)
        return not any(host in network for network in self._exempt)

    async def look_up(self, address: str) -> DNSBLResult:
        """
        Ask all lists about an address.

        Args:
            address: An IP address.

        Returns:
            The result.
        """
        zones = list(dict.fromkeys(each.zone for each in self.lists))
        answers = dict(zip(zones, await all_of([self._ask(zone, address) for zone in zones]), strict=True))
        listings = [Listing(each.zone, each.listed(answers[each.zone] or ()), each.weight) for each in self.lists]
        found = tuple(each for each in listings if each.codes)
        failed = tuple(zone for zone in zones if answers[zone] is None)
        return DNSBLResult(sum(each.weight for each in found), found, failed)

    async def check(self) -> str:
        """
        Ask each list for its test entries, for ``twistd smtpx --check``: it has 127.0.0.2, and not 127.0.0.1.

        Returns:
            The result, as a part of a sentence.

        Raises:
            DNSListError: A list does not answer (RFC 5782 §5).
        """
        for zone in dict.fromkeys(each.zone for each in self.lists):
            if not await self._answers(zone, "127.0.0.2"):
                raise DNSListError(f"DNS list {zone} does not have its test entry 127.0.0.2 (RFC 5782 §5)")
            if await self._answers(zone, "127.0.0.1"):
                raise DNSListError(f"DNS list {zone} has 127.0.0.1, and so any address (RFC 5782 §5)")
        return "each list has its test entry"

    async def rejection(self, address: str, listings: Collection[Listing]) -> Reply:
        """
        Return the reply for a client that is rejected, with the words of the list that counts most.

        Args:
            address: The client's address.
            listings: The lists that have it, at least one.

        Returns:
            The reply.
        """
        zone = max(listings, key=lambda each: each.weight).zone
        return listed_554(address, zone, await self._reason(query_name(address, zone)))

    async def _ask(self, zone: str, address: str) -> tuple[str, ...] | None:
        """Return the answers of one list; None if it has no usable one."""
        try:
            return await self._answers(zone, address)
        except DNSListError as error:
            log.warn("{error}", error=error)
            return None

    async def _answers(self, zone: str, address: str) -> tuple[str, ...]:
        """
        Look up an address in one list, or in the cache.

        Returns:
            The answers; none if the list does not have the address.

        Raises:
            DNSListError: The DNS has not answered, or the answer is an error of the list.
        """
        name = query_name(address, zone)
        answers = self._cache.get(name)
        if answers is None:
            try:
                found = await self._records.record_set(name, "A")
            except DNSFailed as error:
                raise DNSListError(f"DNS list {zone}: {error}") from error
            answers = tuple(cast(dns.Record_A, each).dottedQuad() for each in found.records)
            self._cache.put(name, answers, found.ttl)
        if not all(map(is_listing, answers)):
            raise DNSListError(f"DNS list {zone} answers {' '.join(answers)}, which is an error (RFC 5782 §2.1)")
        return answers

    async def _reason(self, name: str) -> str:
        try:
            found = await self._records.record_set(name, "TXT")
        except DNSFailed:
            return ""
        texts = [b"".join(cast(dns.Record_TXT, each).data).decode("utf-8", "replace") for each in found.records]
        return _CONTROL.sub(" ", texts[0])[:MAX_REASON] if texts else ""


class DNSBLFilter(Filter):
    """
    The filter of one connection.  `DNSBL` creates it.

    Args:
        connection: The connection of the client.
        dnsbl: The maker, with its settings.
    """

    def __init__(self, connection: Connection, dnsbl: DNSBL) -> None:
        super().__init__(connection)
        self._dnsbl = dnsbl
        self._reply: Reply | None = None

    async def connected(self, connection: Connection) -> Verdict:
        """
        Ask the lists.

        Args:
            connection: The connection.

        Returns:
            The result; or the reply that rejects the client.
        """
        dnsbl, address, self._reply = self._dnsbl, connection.peer_host, None
        if not dnsbl.asks_about(address):
            return None
        result = await dnsbl.look_up(address)
        if dnsbl.reject_at is not None and result.score >= dnsbl.reject_at:
            self._reply = await dnsbl.rejection(address, result.listings)
            if dnsbl.at == "connect":
                connection.results.add([result])
                return self._reply
        return Accept(results=[result])

    def recipient(self, address: str, options: RcptOptions) -> Reply | None:
        """
        Reject a recipient.

        Args:
            address: The address.
            options: The parameters of RCPT.

        Returns:
            The reply for a client that is rejected; None for one that has authenticated.
        """
        return self._reply if self.connection.username is None else None


def _network(text: str) -> Network:
    """
    Parse a network of ``exempt``.

    Returns:
        The network.

    Raises:
        ValueError: The text is no network.
    """
    try:
        return plain_network(text)
    except ValueError as error:
        raise ValueError(f"exempt has networks such as 192.0.2.0/24, not {text!r}: {error}") from error


def _lists(zones: str | Sequence[str] | Mapping[str, float]) -> tuple[DNSList, ...]:
    """
    Parse an argument.

    Returns:
        The lists, with their weights.

    Raises:
        ValueError: There is no list, or one is malformed.
    """
    if isinstance(zones, str):
        zones = [each.strip(" \t") for each in zones.split(",")]
    found = [DNSList.parse(each) for each in zones]
    if isinstance(zones, Mapping):
        found = [DNSList(each.zone, weight, each.codes) for each, weight in zip(found, zones.values(), strict=True)]
    if not found:
        raise ValueError("zones has no DNS list; name one, such as zen.example")
    if not all(each.weight and math.isfinite(each.weight) for each in found):
        raise ValueError(f"the weight of a DNS list is a number other than 0, not in {zones!r}")
    return tuple(found)
