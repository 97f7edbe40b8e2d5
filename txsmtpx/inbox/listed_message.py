"""A message in a list: what the pages and the API show of it before it is opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from txsmtpx.web.json_text import JsonValue


@dataclass(frozen=True)
class ListedMessage:
    """
    Describe one message in a list.  A `InboxStore` creates it.

    Attributes:
        id: The number of the message.
        queue_id: The identifier of the transaction.
        arrived: The time of arrival: ISO 8601, UTC, in milliseconds.
        mail_from: The address of MAIL.
        rcpt_to: The addresses of RCPT.
        sender: The From field, or else the address of MAIL.
        sender_name: The display name of the sender, or else `sender`.
        recipients: The To field, or else the addresses of RCPT.
        copies: The first Cc field, "" if there is none.
        subject: The Subject field, "" if there is none.
        beginning: The first words of the text.
        size: The octets of the message.
        attachments: The number of attachments that begin in the first 128 KiB of the message.
        tags: The tags, see `txsmtpx.inbox.message_tags`.
        mailboxes: The names of the mailboxes, see `txsmtpx.inbox.mailbox_name`.
        read: True if the message was read.
    """

    id: int
    queue_id: str
    arrived: str
    mail_from: str
    rcpt_to: Sequence[str]
    sender: str
    sender_name: str
    recipients: str
    copies: str
    subject: str
    beginning: str
    size: int
    attachments: int
    tags: Sequence[str]
    mailboxes: Sequence[str]
    read: bool

    def as_json(self) -> dict[str, JsonValue]:
        """
        Return the description for the API.

        Returns:
            The values by their names in the API.
        """
        return {
            "id": self.id,
            "queue_id": self.queue_id,
            "arrived": self.arrived,
            "sender": self.mail_from,
            "recipients": list(self.rcpt_to),
            "from": self.sender,
            "to": self.recipients,
            "cc": self.copies,
            "subject": self.subject,
            "beginning": self.beginning,
            "size": self.size,
            "attachments": self.attachments,
            "tags": list(self.tags),
            "mailboxes": list(self.mailboxes),
            "read": self.read,
        }

    def serialized(self) -> str:
        """
        Serialize the description for a database.

        Returns:
            JSON.  `id` and `read` are left out, since the database has them.
        """
        fields = asdict(self) | {"rcpt_to": list(self.rcpt_to)}
        return json.dumps({name: value for name, value in fields.items() if name not in ("id", "read")})

    @classmethod
    def deserialized(cls, number: int, read: bool, text: str) -> ListedMessage:
        """
        Read the description that `serialized` wrote.

        Args:
            number: The number of the message.
            read: True if the message was read.
            text: The result of `serialized`.

        Returns:
            The description.
        """
        return cls(id=number, read=read, **json.loads(text))
