"""
How much of a session a server leaves us: RFC 9422, the client's side.

MAILMAX and RCPTDOMAINMAX are for the whole session (§4.1, §4.3), RCPTMAX for a transaction (§4.2); what was refused
counts as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from txsmtpx.errors import NotOffered
from txsmtpx.grammar.mailbox import mailbox_key

T = TypeVar("T")


class Allowance:
    """
    What was said so far.

    Attributes:
        mails: How often MAIL.
        domains: Those of RCPT, as `txsmtpx.grammar.domain.domain_key` gives them, where they count.
        by_domain: Whether they do.
    """

    def __init__(self) -> None:
        self.mails = 0
        self.domains: set[str] = set()
        self.by_domain = False

    def note(self, verb: str, words: Sequence[str]) -> None:
        """A command goes out."""
        if verb == "MAIL":
            self.mails += 1
        elif verb == "RCPT" and self.by_domain:
            self.domains.add(_domain(words[0].partition(":")[2].strip("<>")))

    def spent(self, offered: Mapping[str, Any]) -> bool:
        """Whether the server takes no further message, or none to another domain."""
        limits = offered.get("LIMITS", {})
        mails, domains = limits.get("MAILMAX"), limits.get("RCPTDOMAINMAX")
        return (mails is not None and self.mails >= mails) or (domains is not None and len(self.domains) >= domains)

    def shares(
        self, recipients: Sequence[tuple[str, T]], limits: Mapping[str, int]
    ) -> list[Sequence[tuple[str, T]]]:
        """
        ``recipients`` in as many transactions as it takes.

        Args:
            recipients: Each an address and its options.

        Raises:
            NotOffered: The session has not enough left for them.
        """
        most = limits.get("RCPTMAX", len(recipients))
        shares = [recipients[at : at + most] for at in range(0, len(recipients), most)]
        mails, domains = limits.get("MAILMAX"), limits.get("RCPTDOMAINMAX")
        if mails is not None and self.mails + len(shares) > mails:
            text = f"the server takes {mails} transactions a session (MAILMAX), and had {self.mails}"
            raise NotOffered(text, temporary=len(shares) <= mails)
        wanted = {_domain(address) for address, _ in recipients}
        if domains is not None and len(self.domains | wanted) > domains:
            text = f"the server takes recipients of {domains} domains a session (RCPTDOMAINMAX)"
            raise NotOffered(text, command="RCPT", temporary=len(wanted) <= domains)
        return shares


def _domain(address: str) -> str:
    return mailbox_key(address).rpartition("@")[2]
