"""
A mail transaction: RFC 5321 §3.3, from MAIL to the answer to its data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.grammar.options import MailOptions, RcptOptions

if TYPE_CHECKING:
    from txsmtpx.dialog.summary import Summary


class Transaction:
    """
    The envelope as it grows.

    Attributes:
        queue_id: What it is called in replies and logs.
        rejected: How many RCPTs were refused.
        summary: A `txsmtpx.dialog.summary.Summary` where somebody wants one.
    """

    __slots__ = ("options", "queue_id", "recipient_options", "recipients", "rejected", "sender", "summary")

    def __init__(self, sender: str, options: MailOptions, queue_id: str) -> None:
        self.sender = sender
        self.options = options
        self.queue_id = queue_id
        self.recipients: list[str] = []
        self.recipient_options: list[RcptOptions] = []
        self.rejected = 0
        self.summary: Summary | None = None
