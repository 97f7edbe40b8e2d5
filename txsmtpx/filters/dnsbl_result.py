"""What DNS lists have answered about a client, as `txsmtpx.filters.dnsbl.DNSBL` has found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Listing:
    """
    A list that has the client's address.

    Attributes:
        zone: The zone of the list.
        codes: Its answers, such as ``("127.0.0.2",)``.
        weight: How much the listing counts.
    """

    zone: str
    codes: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class DNSBLResult:
    """
    What the DNS lists have answered about a client.

    Attributes:
        score: The sum of the weights.
        listings: The lists that have the client's address.
        failed: The zones without a usable answer.

    Example:
        >>> DNSBLResult(2, (Listing("bl.example", ("127.0.0.2",), 2),)).facts()
        {'dnsbl_score': 2, 'dnsbl': 'bl.example'}
    """

    score: float
    listings: tuple[Listing, ...] = ()
    failed: tuple[str, ...] = ()

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return the facts for the log.

        Returns:
            The score; the zones that have the address, and those that failed, if there are any.
        """
        facts: dict[str, str | int | float] = {"dnsbl_score": self.score}
        if self.listings:
            facts["dnsbl"] = ",".join(each.zone for each in self.listings)
        if self.failed:
            facts["dnsbl_failed"] = ",".join(self.failed)
        return facts
