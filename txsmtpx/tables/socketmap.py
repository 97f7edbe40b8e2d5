"""
The protocol socketmap of Sendmail and Postfix (socketmap_table(5)).

A request is a netstring of the name of the table, a space and the key.  The reply is a netstring: ``OK`` with the
value, ``NOTFOUND``, or ``TEMP``, ``TIMEOUT`` or ``PERM`` with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from txsmtpx.tables.netstring import NetstringReader, encoded
from txsmtpx.tables.table_codec import MAX_REPLY, TableError, TableReply

FAILURES = ("TEMP", "TIMEOUT", "PERM")
"""The words of replies without an answer.  Postfix defers mail for each of them."""


@dataclass(frozen=True)
class Socketmap:
    """
    The codec of socketmap, for `txsmtpx.tables.remote_table.RemoteTable`.

    Args:
        name: The name of the table.

    Raises:
        ValueError: The name is empty, or has a space.

    Example:
        >>> Socketmap("virtual").request("ann@example.org")
        b'23:virtual ann@example.org,'
    """

    name: str

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable() or " " in self.name:
            raise ValueError(f"the name of a table is a word without spaces, not {self.name!r}")

    def request(self, key: str) -> bytes:
        """
        Return the request for a key.

        Args:
            key: The key.

        Returns:
            The octets.
        """
        return encoded(f"{self.name} {key}".encode())

    def reader(self) -> SocketmapReader:
        """
        Return the reader of the next reply.

        Returns:
            The reader.
        """
        return SocketmapReader()


class SocketmapReader:
    """
    The reader of one reply.

    Example:
        >>> SocketmapReader().feed(b"18:OK ann@example.org,")
        TableReply(value='ann@example.org')
    """

    def __init__(self) -> None:
        self._netstring = NetstringReader(MAX_REPLY)

    def feed(self, octets: bytes) -> TableReply | None:
        """
        Read the next octets.

        Args:
            octets: The octets.

        Returns:
            The reply; None until it is complete.

        Raises:
            TableError: The reply is a failure, malformed or too long, or octets follow it.
        """
        try:
            content = self._netstring.feed(octets)
            text = "" if content is None else content.decode()
        except ValueError as error:  # UnicodeDecodeError included
            raise TableError(f"the server has sent no reply of socketmap: {error}") from None
        if content is None:
            return None
        if self._netstring.rest:
            raise TableError("the server has sent more than one reply")
        word, _, rest = text.partition(" ")
        if word == "OK":
            return TableReply(rest)
        if word == "NOTFOUND":
            return TableReply(None)
        if word in FAILURES:
            raise TableError(f"the server has replied {text}")
        raise TableError(f"the server has sent no reply of socketmap: {text[:100]!r}")
