"""The tags of a file, as `DatabaseStore` shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from txsmtpx.inbox.database_reader import DatabaseReader
from txsmtpx.inbox.database_writer import DatabaseWriter
from txsmtpx.inbox.file_mailboxes import ReadsFile
from txsmtpx.web.cooperative_work import CooperativeWork

T = TypeVar("T")


class ChangesFile(Protocol):
    """Change a file in another thread."""

    def __call__(
        self, then: Callable[[T], None], function: Callable[..., T], *arguments: object
    ) -> CooperativeWork[T]:
        """
        Call a function of the writer.

        Args:
            then: It is called with the result, also if the request ends before.
            function: The function.
            arguments: Its arguments.

        Returns:
            Its result.
        """


class FileTags:
    """
    Count and replace tags; see `StoreTags` for the methods.  `DatabaseStore` creates it.

    Args:
        read: It calls a function of the reader in the thread of the reader.
        change: It calls a function of the writer in the thread of the writer.
        reader: It reads the file.
        writer: It changes the file.
        marked: It is called with the numbers of the messages that have other tags.
    """

    def __init__(
        self,
        read: ReadsFile,
        change: ChangesFile,
        reader: DatabaseReader,
        writer: DatabaseWriter,
        marked: Callable[[list[int]], None],
    ) -> None:
        self._read = read
        self._change = change
        self._reader = reader
        self._writer = writer
        self._marked = marked

    def counted(self) -> CooperativeWork[dict[str, int]]:
        """
        Count the messages of each tag.

        Returns:
            The number of messages of each tag.
        """
        return self._read(self._reader.tags)

    def replace(self, tags: Mapping[int, Sequence[str]]) -> CooperativeWork[None]:
        """
        Replace the tags of messages.

        Args:
            tags: The new tags by the number of the message.

        Yields:
            Deferreds to wait for.
        """
        yield from self._change(self._marked, self._writer.retag, tags)
