"""
The contract of a store of the inbox's messages: `InboxStore`.

`MemoryStore` has the messages of a memory backend, `DatabaseStore` those of a file.  The pages and the API use this
contract only, so they are the same on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from txsmtpx.backends.received import Received
from txsmtpx.inbox.listed_mailbox import ListedMailbox, MailboxList
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.inbox.search_query import SearchQuery
from txsmtpx.inbox.store_limits import MailboxLimits
from txsmtpx.web.cooperative_work import CooperativeWork


@dataclass(frozen=True)
class Found:
    """
    Describe what a search has found.

    Attributes:
        total: The number of messages that match.
        messages: The messages of the list, newest first.  Each is read when it is reached; deleted ones are left out.
        shown: True if the list has a message.
        held: The octets of memory that the list takes until it is dropped.
    """

    total: int
    messages: Iterable[ListedMessage]
    shown: bool
    held: int = 0


@dataclass(frozen=True)
class StoreChange:
    """
    Describe a change of a store.

    Attributes:
        kind: What has happened to the messages.  "marked": they are read or unread now, or have other tags.
        numbers: The numbers of the messages.
        describe: A function that returns the message that has arrived; None for other changes.
        mailboxes: The mailboxes of the message that has arrived.
        octets: The octets of the message that has arrived.
    """

    kind: Literal["arrived", "deleted", "restored", "marked"]
    numbers: Sequence[int]
    describe: Callable[[], ListedMessage] | None = None
    mailboxes: Sequence[str] = ()
    octets: int = 0


ChangeSubscriber = Callable[[StoreChange], object]
"""A function that is called with each change."""


class StoreTags(Protocol):
    """Count and replace the tags of the messages of a store."""

    def counted(self) -> CooperativeWork[dict[str, int]]:
        """
        Count the messages of each tag.

        Returns:
            The number of messages of each tag that a message has, by tag.
        """

    def replace(self, tags: Mapping[int, Sequence[str]]) -> CooperativeWork[None]:
        """
        Replace the tags of messages.  The mailboxes of the messages stay.

        Args:
            tags: The new tags by the number of the message, in the form of `txsmtpx.inbox.message_tags.plain_tags`.
                Messages that do not exist are skipped.

        Returns:
            Work without a result.
        """


class Mailboxes(Protocol):
    """Show and limit the mailboxes of a store."""

    @property
    def octets(self) -> int:
        """The octets of the messages of all mailboxes, without deleted ones."""

    def listed(self, start: int, limit: int) -> CooperativeWork[MailboxList]:
        """
        Return a part of the list of mailboxes.

        Args:
            start: The number of mailboxes that are left out before the first.
            limit: The number of mailboxes in the list.

        Returns:
            The mailboxes that have a message, by name.
        """

    def one(self, name: str) -> CooperativeWork[ListedMailbox]:
        """
        Return one mailbox.

        Args:
            name: The name of the mailbox.

        Returns:
            The mailbox; one without messages if there is no such mailbox.
        """

    def limit(self, limits: MailboxLimits) -> None:
        """
        Limit the mailboxes.  This is called before the first message arrives.

        Args:
            limits: The limits.
        """


class InboxStore(Protocol):
    """
    Keep the messages that the inbox shows.

    Everything is called in the thread of the reactor.  Work that may take long is a `CooperativeWork`.  A deletion has
    a number.  Its messages are hidden, until it is undone or becomes final.
    """

    @property
    def mailboxes(self) -> Mailboxes:
        """The mailboxes."""

    @property
    def tags(self) -> StoreTags:
        """The tags."""

    @property
    def total(self) -> int:
        """The number of messages, without deleted ones."""

    @property
    def unread(self) -> int:
        """The number of messages that were not read, without deleted ones."""

    def start(self) -> None:
        """Begin to report changes."""

    def stop(self) -> None:
        """Stop reporting changes."""

    def subscribe(self, subscriber: ChangeSubscriber) -> None:
        """
        Call a function for each change, after the store has changed.

        Args:
            subscriber: The function.
        """

    def listed(self, query: SearchQuery, start: int, limit: int) -> CooperativeWork[Found]:
        """
        Search, and return a part of the list.

        Args:
            query: The query.  An empty one matches all messages.
            start: The number of messages that are left out before the first.
            limit: The number of messages in the list.

        Returns:
            The messages.

        Raises:
            Busy: The search takes too long.
        """

    def numbers(self, query: SearchQuery, after: int = 0) -> CooperativeWork[list[int]]:
        """
        Search, and return the numbers of all messages that match.

        Args:
            query: The query.
            after: Search only messages with a greater number.

        Returns:
            The numbers, newest first.

        Raises:
            Busy: The search takes too long.
        """

    def latest(self) -> CooperativeWork[int]:
        """
        Return the number of the newest message.

        Returns:
            The number; 0 without messages.
        """

    def described(self, number: int) -> CooperativeWork[ListedMessage]:
        """
        Return a message as a list has it.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Raises:
            MessageDeleted: There is no such message.
        """

    def message(self, number: int) -> CooperativeWork[Received]:
        """
        Return a message.

        Args:
            number: The number of the message.

        Returns:
            The message.

        Raises:
            Busy: The messages that are open take too much memory.
            MessageDeleted: There is no such message.
        """

    def piece(self, number: int, start: int, size: int) -> CooperativeWork[bytes]:
        """
        Read a piece of a message.

        Args:
            number: The number of the message.
            start: The offset of the first octet.
            size: The octets to read.

        Returns:
            The octets; fewer at the end of the message.

        Raises:
            MessageDeleted: There is no such message.
        """

    def hold(self, number: int, octets: int) -> bool:
        """
        Count memory that the inbox uses for a message, if the store has a limit on memory.

        Args:
            number: The number of the message.
            octets: The octets; less than 0 if the inbox uses less than before.

        Returns:
            False if it is known without a wait that the message was deleted, maybe by this call.
        """

    def mark(self, numbers: Sequence[int], read: bool) -> CooperativeWork[None]:
        """
        Mark messages as read or unread.

        Args:
            numbers: The numbers.  Messages that do not exist are skipped.
            read: True for read.

        Returns:
            Work without a result.
        """

    def delete(self, numbers: Sequence[int], deletion: int) -> CooperativeWork[int]:
        """
        Delete messages, so that `restore` can undo it.

        Args:
            numbers: The numbers.  Messages that do not exist are skipped.
            deletion: The number of the deletion, 1 or more.

        Returns:
            The number of messages that were deleted.
        """

    def restore(self, deletion: int) -> CooperativeWork[int]:
        """
        Undo a deletion.

        Args:
            deletion: The number of the deletion.

        Returns:
            The number of messages that are back.
        """

    def discard(self, deletion: int) -> None:
        """
        Make a deletion final.

        Args:
            deletion: The number of the deletion.
        """

    def expire(self) -> None:
        """Delete the messages that are too old.  `Inbox` calls this each minute."""
