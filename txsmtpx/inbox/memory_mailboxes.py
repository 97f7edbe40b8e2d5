"""The mailboxes of the messages in memory.  `MemoryStore` has one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Set

from txsmtpx.backends.received import Received
from txsmtpx.inbox.listed_mailbox import ListedMailbox, MailboxList
from txsmtpx.inbox.mailbox_name import mailboxes_of
from txsmtpx.inbox.store_limits import NO_LIMITS, MailboxLimits
from txsmtpx.web.cooperative_work import CooperativeWork


class MemoryMailboxes:
    """
    Know which messages are in which mailbox.

    Attributes:
        limits: The limits of the mailboxes.
        octets: The octets of all messages.

    Args:
        read: The numbers of the messages that were read.
    """

    def __init__(self, read: Set[int]) -> None:
        self.limits: MailboxLimits = NO_LIMITS
        self.octets: int = 0
        self._read = read
        self._messages: dict[str, dict[int, Received]] = {}

    def begin(self, messages: Iterable[Received]) -> None:
        """
        Begin with the messages that are there.

        Args:
            messages: The messages, the oldest first.
        """
        self._messages, self.octets = {}, 0
        for each in messages:
            self.add(each)

    @staticmethod
    def names_of(received: Received) -> list[str]:
        """
        Return the mailboxes of a message.

        Args:
            received: The message.

        Returns:
            The names.
        """
        return mailboxes_of(received.recipients, received.username)

    def add(self, received: Received) -> int:
        """
        Add a message that has arrived, or is back.

        Args:
            received: The message.

        Returns:
            The octets of memory that this takes.
        """
        names = self.names_of(received)
        self.octets += len(received.content)
        for name in names:
            messages = self._messages.setdefault(name, {})
            is_last = not messages or next(reversed(messages)) < received.id
            messages[received.id] = received
            if not is_last:  # it is back
                self._messages[name] = dict(sorted(messages.items()))
        return sum(map(sys.getsizeof, names)) + 200 * len(names)

    def remove(self, received: Received) -> None:
        """
        Remove a message that was deleted.

        Args:
            received: The message.
        """
        self.octets -= len(received.content)
        for name in self.names_of(received):
            messages = self._messages.get(name, {})
            messages.pop(received.id, None)
            if not messages:
                self._messages.pop(name, None)

    def listed(self, start: int, limit: int) -> CooperativeWork[MailboxList]:
        """
        Return a part of the list of mailboxes.

        Args:
            start: The number of mailboxes that are left out before the first.
            limit: The number of mailboxes in the list.

        Returns:
            The mailboxes that have a message, by name.

        Yields:
            None before each mailbox.
        """
        names = sorted(self._messages)
        found = []
        for name in names[start : start + limit]:
            found.append((yield from self.one(name)))
        return MailboxList(len(names), found)

    def one(self, name: str) -> CooperativeWork[ListedMailbox]:
        """
        Return one mailbox.

        Args:
            name: The name of the mailbox.

        Returns:
            The mailbox.

        Yields:
            None before the work.
        """
        yield None
        messages = self._oldest_first(name)
        unread = sum(each.id not in self._read for each in messages)
        return ListedMailbox(name, len(messages), unread, sum(len(each.content) for each in messages))

    def limit(self, limits: MailboxLimits) -> None:
        """
        Limit the mailboxes.

        Args:
            limits: The limits.
        """
        self.limits = limits

    def _oldest_first(self, name: str) -> list[Received]:
        return list(self._messages.get(name, {}).values())

    def overflow(self, received: Received) -> Iterator[int]:
        """
        Find the messages that have to be deleted since a message has arrived.

        Args:
            received: The new message.

        Yields:
            The numbers.
        """
        for name in self.names_of(received):
            limits = self.limits.of(name)
            if limits is None:
                continue
            messages = self._oldest_first(name)
            count, octets = len(messages), sum(len(each.content) for each in messages)
            for each in messages:
                if not limits.exceeded(count, octets):
                    break
                count, octets = count - 1, octets - len(each.content)
                yield each.id

    def outlived(self, now: float) -> Iterator[int]:
        """
        Find the messages that are older than a limit of a mailbox.

        Args:
            now: The time, in seconds since the epoch.

        Yields:
            The numbers.
        """
        if self.limits.have_age:
            for name, messages in self._messages.items():
                limits = self.limits.of(name)
                if limits is not None:
                    yield from (each.id for each in messages.values() if limits.outlived(each.arrived, now))
