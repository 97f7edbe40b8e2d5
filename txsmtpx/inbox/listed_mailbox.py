"""A mailbox in a list: what the pages and the API show of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.web.json_text import JsonValue


@dataclass(frozen=True)
class ListedMailbox:
    """
    Describe one mailbox.  A `InboxStore` creates it.

    Attributes:
        name: The name, see `txsmtpx.inbox.mailbox_name`.
        messages: The number of messages.
        unread: The number of messages that were not read.
        octets: The octets of the messages.
    """

    name: str
    messages: int = 0
    unread: int = 0
    octets: int = 0

    @property
    def kind(self) -> str:
        """The kind of the mailbox."""
        return self.name.partition(":")[0]

    @property
    def value(self) -> str:
        """The name without its kind, such as an address."""
        return self.name.partition(":")[2]

    def as_json(self) -> dict[str, JsonValue]:
        """
        Return the description for the API.

        Returns:
            The values by their names in the API.
        """
        return {"name": self.name, "messages": self.messages, "unread": self.unread, "octets": self.octets}


@dataclass(frozen=True)
class MailboxList:
    """
    Describe a part of the list of mailboxes.

    Attributes:
        total: The number of all mailboxes that have a message.
        mailboxes: The mailboxes of this part, by name.
    """

    total: int
    mailboxes: Sequence[ListedMailbox]
