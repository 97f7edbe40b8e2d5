"""The two halves of a table's protocol, without a transport: requests, and the reader of the replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_REPLY = 100_000
"""Octets of a reply.  Postfix has the same limit for socketmap, and 4,096 for tcp_table."""


class TableError(Exception):
    """
    A table has no answer: its server is busy, cannot be reached, or has sent something else than a reply.

    Example:
        >>> str(TableError("the server has replied TEMP no database"))
        'the server has replied TEMP no database'
    """


@dataclass(frozen=True)
class TableReply:
    """
    A reply of the server of a table.

    Args:
        value: The value of the key; None if the table has no such key.

    Example:
        >>> TableReply("ann@example.org").value
        'ann@example.org'
    """

    value: str | None


class ReplyReader(Protocol):
    """The reader of one reply, which arrives in pieces."""

    def feed(self, octets: bytes) -> TableReply | None:
        """
        Read the next octets.

        Args:
            octets: The octets, as many as have arrived.

        Returns:
            The reply; None until it is complete.

        Raises:
            TableError: The reply is a failure, malformed or too long, or octets follow it.
        """


class TableCodec(Protocol):
    """A protocol of tables."""

    def request(self, key: str) -> bytes:
        """
        Return the request for a key.

        Args:
            key: The key.

        Returns:
            The octets.
        """

    def reader(self) -> ReplyReader:
        """
        Return the reader of the next reply.

        Returns:
            The reader.
        """
