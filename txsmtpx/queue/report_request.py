"""What a queue asks of the writer of delivery reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.grammar.reply import Reply
from txsmtpx.queue.queued_mail import QueuedMail

Action = Literal["failed", "delayed", "delivered", "relayed"]
"""The action of a recipient in a report (RFC 3464 §2.3.3)."""


@dataclass(frozen=True)
class ReportedRecipient:
    """
    A recipient in a report.

    Attributes:
        recipient: The recipient.
        action: What has happened.
        reply: The reply of the server, or one that describes an error.
        remote: True if the reply is that of a server.
        server: The server, "" if none was reached.
    """

    recipient: EnvelopeRecipient
    action: Action
    reply: Reply
    remote: bool
    server: str = ""


@dataclass(frozen=True)
class ReportRequest:
    """
    A report to the sender of a message.

    Attributes:
        mail: The message.
        recipients: The recipients in the report.
        when: The time of the report, in seconds since the epoch.
    """

    mail: QueuedMail
    recipients: Sequence[ReportedRecipient]
    when: float


@dataclass(frozen=True)
class Report:
    """
    A report, ready to be sent.

    Attributes:
        recipient: The address to which it is sent.
        content: The message.
        smtputf8: True if its header has UTF-8 (RFC 6533).
    """

    recipient: str
    content: bytes
    smtputf8: bool = False


Reporter = Callable[[ReportRequest, BinaryIO], Awaitable[Report | None] | Report | None]
"""
Write a report, or inform the sender in another way and return None.

It is called with the message as a file.
"""
