"""The limits of a store of messages, and those of its mailboxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StoreLimits:
    """
    Limit what is kept.  Of more, the oldest messages are deleted.

    Attributes:
        messages: The most messages.  The newest message is kept in any case.
        octets: The most octets of all messages together.  The newest message is kept in any case.
        age: The seconds for which a message is kept.

    None is no limit.
    """

    messages: int | None = None
    octets: int | None = None
    age: float | None = None

    def exceeded(self, messages: int, octets: int) -> bool:
        """
        Compare totals with the limits.

        Args:
            messages: The number of messages.
            octets: The octets of the messages.

        Returns:
            True if the oldest message has to be deleted.
        """
        many = self.messages is not None and messages > self.messages
        large = self.octets is not None and octets > self.octets
        return (many or large) and messages > 1

    def outlived(self, arrived: float, now: float) -> bool:
        """
        Compare the age of a message with the limit.

        Args:
            arrived: The time of arrival, in seconds since the epoch.
            now: The time, in seconds since the epoch.

        Returns:
            True if the message has to be deleted.
        """
        return self.age is not None and arrived < now - self.age


@dataclass(frozen=True)
class MailboxLimits:
    """
    Limit each mailbox.

    A message is in several mailboxes.  If it has to leave one, it is deleted.

    Attributes:
        by_name: The limits by the name of a mailbox, or by a kind, for each mailbox of this kind without its own.

    Example:
        >>> limits = MailboxLimits({"recipient": StoreLimits(messages=5), "recipient:a@x.example": StoreLimits()})
        >>> limits.of("recipient:b@x.example"), limits.of("tag:signup")
        (StoreLimits(messages=5, octets=None, age=None), None)
    """

    by_name: Mapping[str, StoreLimits] = field(default_factory=dict)

    def of(self, name: str) -> StoreLimits | None:
        """
        Return the limits of a mailbox.

        Args:
            name: The name of the mailbox.

        Returns:
            The limits; None for none.
        """
        return self.by_name.get(name) or self.by_name.get(name.partition(":")[0])

    @property
    def have_age(self) -> bool:
        """True if a mailbox has a limit of age."""
        return any(each.age is not None for each in self.by_name.values())


NO_LIMITS = MailboxLimits()
"""No mailbox has a limit."""
