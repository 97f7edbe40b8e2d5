"""The mailboxes of a file, as `DatabaseStore` shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import DatabaseWriter
from txsmtpx.inbox.listed_mailbox import ListedMailbox, MailboxList
from txsmtpx.inbox.store_limits import MailboxLimits
from txsmtpx.web.cooperative_work import CooperativeWork

T = TypeVar("T")


class ReadsFile(Protocol):
    """Read a file in another thread."""

    def __call__(self, function: Callable[..., T], *arguments: object) -> CooperativeWork[T]:
        """
        Call a function of the reader.

        Args:
            function: The function.
            arguments: Its arguments.

        Returns:
            Its result.
        """


class FileMailboxes:
    """
    Show the mailboxes of a file; see `Mailboxes` for the methods.  `DatabaseStore` creates it.

    Args:
        read: It calls a function of the reader in the thread of the reader.
        reader: It reads the file.
        writer: It obeys the limits.
    """

    def __init__(self, read: ReadsFile, reader: DatabaseReader, writer: DatabaseWriter) -> None:
        self._read = read
        self._reader = reader
        self._writer = writer

    @property
    def octets(self) -> int:
        """The octets of the messages of all mailboxes.  They are known when the file has been read."""
        return self._writer.totals.octets

    def listed(self, start: int, limit: int) -> CooperativeWork[MailboxList]:
        """
        Return a part of the list of mailboxes.

        Args:
            start: The number of mailboxes that are left out before the first.
            limit: The number of mailboxes in the list.

        Returns:
            The mailboxes that have a message, by name.
        """
        return self._read(self._reader.mailboxes, start, limit)

    def one(self, name: str) -> CooperativeWork[ListedMailbox]:
        """
        Return one mailbox.

        Args:
            name: The name of the mailbox.

        Returns:
            The mailbox.
        """
        return self._read(self._reader.mailbox, name)

    def limit(self, limits: MailboxLimits) -> None:
        """
        Limit the mailboxes.

        Args:
            limits: The limits.
        """
        self._writer.mailbox_limits = limits
