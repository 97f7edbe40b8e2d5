"""
The protocol of Postfix's tcp_table(5), which postsrsd 1 has.

A request is a line, ``get`` and the key.  The reply is a line: ``200`` with the value, ``500`` if there is no such key,
``400`` with a reason if the table has no answer.  Spaces, percent signs and other octets are written as ``%20``.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from txsmtpx.tables.table_codec import MAX_REPLY, TableError, TableReply

_PLAIN = "!\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""Besides letters, digits and ``_.-~``, the characters that Postfix does not encode: printable ASCII but for ``%``."""


@dataclass(frozen=True)
class TCPTable:
    r"""
    The codec of tcp_table, for `txsmtpx.tables.remote_table.RemoteTable`.

    Example:
        >>> TCPTable().request("100% ann@example.org")
        b'get 100%25%20ann@example.org\n'
    """

    def request(self, key: str) -> bytes:
        """
        Return the request for a key.

        Args:
            key: The key.

        Returns:
            The octets.
        """
        return f"get {quote(key, safe=_PLAIN)}\n".encode("ascii")

    def reader(self) -> TCPTableReader:
        """
        Return the reader of the next reply.

        Returns:
            The reader.
        """
        return TCPTableReader()


class TCPTableReader:
    r"""
    The reader of one reply.

    Example:
        >>> TCPTableReader().feed(b"200 ann@example.org\n")
        TableReply(value='ann@example.org')
    """

    def __init__(self) -> None:
        self._octets = bytearray()

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
        self._octets += octets
        if len(self._octets) > MAX_REPLY:
            raise TableError(f"the server has sent a line of more than {MAX_REPLY} octets")
        if b"\n" not in octets:
            return None
        line, _, rest = bytes(self._octets).partition(b"\n")
        if rest:
            raise TableError("the server has sent more than one reply")
        return _reply(line.removesuffix(b"\r"))


def _reply(line: bytes) -> TableReply:
    code, _, value = line.partition(b" ")
    try:
        text = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise TableError(f"the server has sent a value that is not UTF-8: {error}") from None
    if code == b"200":
        return TableReply(text)
    if code == b"500":
        return TableReply(None)
    if code == b"400":
        raise TableError(f"the server has replied 400 {text}")
    raise TableError(f"the server has sent no reply of tcp_table: {line[:100]!r}")
