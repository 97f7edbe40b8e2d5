"""
What became of a transaction (RFC 5321 §3.3), for those who watch the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from txsmtpx.dialog.transaction import Transaction
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection

End = Literal["answered", "reset", "closed"]
"""The data was answered; the client gave up by RSET, EHLO or the like; the connection ended first, be it by QUIT."""


class Summary:
    """
    One transaction, from the MAIL that was accepted to its end.

    Attributes:
        connection: The `Connection`; what it says may change when this is over.
        queue_id: What the transaction was called.
        sender: The address of MAIL, "" for the null path.
        options: The `txsmtpx.MailOptions`.
        recipients: The addresses that were accepted, in RCPT order.
        rejected: How many RCPTs were refused.
        octets: Of the message, so far as it came.
        reply: The one reply to the data; None under LMTP, and where there was none.
        outcomes: The outcome for each recipient, in RCPT order, where there is one for each (LMTP, PRDR).
        end: See `End`.
        seconds: From MAIL to the end.
        backend_seconds: From the end of the data to its last answer.
        facts: What the backend had to say of it (`txsmtpx.IDataContext.note`).
    """

    __slots__ = (
        "_began", "_data_over", "backend_seconds", "connection", "end", "facts", "octets", "options", "outcomes",
        "queue_id", "recipients", "rejected", "reply", "seconds", "sender",
    )  # fmt: skip

    def __init__(self, connection: Connection, transaction: Transaction, now: float) -> None:
        self.connection = connection
        self.queue_id = transaction.queue_id
        self.sender = transaction.sender
        self.options = transaction.options
        self.recipients: Sequence[str] = transaction.recipients
        self.rejected = 0
        self.octets = 0
        self.reply: Reply | None = None
        self.outcomes: Sequence[Reply] = ()
        self.end: End = "closed"
        self.seconds = 0.0
        self.backend_seconds = 0.0
        self.facts: dict[str, Any] = {}
        self._began = self._data_over = now

    @property
    def replies(self) -> Sequence[Reply]:
        """What was answered to the data: a reply a recipient, or the one for all of them; none where none was."""
        return self.outcomes or ((self.reply,) if self.reply is not None else ())

    # ---- for the dialog

    def data_over(self, now: float) -> None:
        """All of the message has come."""
        self._data_over = now

    def answered(self, reply: Reply | None, outcomes: Sequence[Reply], now: float) -> None:
        """The data was answered."""
        self.end = "answered"
        self.reply = reply
        self.outcomes = outcomes
        self.backend_seconds = now - self._data_over

    def over(self, octets: int, rejected: int, closed: bool, now: float) -> None:
        """That was it."""
        self.octets = octets
        self.rejected = rejected
        if self.end != "answered":
            self.end = "closed" if closed else "reset"
        self.seconds = now - self._began
