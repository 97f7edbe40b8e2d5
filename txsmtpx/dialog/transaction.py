"""
A mail transaction: RFC 5321 §3.3, from MAIL to the answer to its data.
"""

from __future__ import annotations

from txsmtpx.grammar.options import MailOptions, RcptOptions


class Transaction:
    """
    The envelope as it grows.

    @ivar queue_id: what it is called in replies and logs.
    """

    __slots__ = ("options", "queue_id", "recipient_options", "recipients", "sender")

    def __init__(self, sender: str, options: MailOptions, queue_id: str) -> None:
        self.sender = sender
        self.options = options
        self.queue_id = queue_id
        self.recipients: list[str] = []
        self.recipient_options: list[RcptOptions] = []
