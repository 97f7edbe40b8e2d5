"""What became of a transaction (RFC 5321 §3.3), for observers of a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection

End = Literal["answered", "reset", "closed"]
"""
How a transaction ends.

The data was answered; or the client sent RSET, EHLO or the like; or the connection ended first, be it by QUIT.
"""


@dataclass(slots=True, kw_only=True, eq=False)
class Summary:
    """
    One transaction, from the MAIL that was accepted to its end.  The dialog creates it at the end.

    Attributes:
        connection: The client's connection; its attributes may change after the end.
        queue_id: The name of the transaction in replies and logs.
        sender: The address of MAIL; "" for the null path.
        options: The parameters of MAIL.
        recipients: The addresses that were accepted, in RCPT order.
        rejected: The number of rejected RCPTs.
        octets: Octets of the message that have come.
        reply: The one reply to the data; None under LMTP, and if there was none.
        outcomes: The outcome for each recipient, in RCPT order, if each has its own (LMTP, PRDR); else empty.
        end: How the transaction ended.
        seconds: Seconds from MAIL to the end.
        backend_seconds: Seconds from the end of the data to the last answer.
        facts: What the backend notes about the message (`IDataContext.note`), by name.

    Example:
        >>> from txsmtpx import Observer
        >>> class Ends(Observer):
        ...     def concluded(self, summary):
        ...         print(summary.end, summary.sender, summary.octets)
    """

    connection: Connection
    queue_id: str
    sender: str
    options: MailOptions
    recipients: Sequence[str]
    rejected: int
    octets: int
    reply: Reply | None
    outcomes: Sequence[Reply]
    end: End
    seconds: float
    backend_seconds: float
    facts: dict[str, object]

    @property
    def replies(self) -> Sequence[Reply]:
        """The replies to the data: one for each recipient, or the one for all of them; empty if there was none."""
        return self.outcomes or ((self.reply,) if self.reply is not None else ())
