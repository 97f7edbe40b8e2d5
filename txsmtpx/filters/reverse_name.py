"""The host name of a client, as `txsmtpx.filters.reverse_dns.ReverseDNS` has found it in the DNS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ReverseName:
    """
    The names of a client's address.

    Attributes:
        confirmed: The first name that has the client's address (RFC 8601 §3, "iprev"); ``""`` without one.
        names: The names in the PTR records of the address, at most `txsmtpx.filters.reverse_dns.MAX_NAMES`.
        failed: True if the DNS has not answered completely.  Then a later look-up may find a name.

    Example:
        >>> ReverseName("mail.example.org", ("mail.example.org",)).facts()
        {'reverse_dns': 'mail.example.org'}
    """

    confirmed: str
    names: tuple[str, ...] = ()
    failed: bool = False

    def facts(self) -> Mapping[str, str | int | float]:
        """
        Return the facts for the log.

        Returns:
            The confirmed name; "unknown" without one, and "failed" if the DNS has not answered.
        """
        return {"reverse_dns": self.confirmed or ("failed" if self.failed else "unknown")}
