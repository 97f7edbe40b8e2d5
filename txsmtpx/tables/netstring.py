"""Netstrings, ``5:hello,``: a length in decimal digits, a colon, so many octets, and a comma."""

from __future__ import annotations

import re

_DIGITS = 9
"""Digits of a length, so that a peer cannot send digits for ever."""

_LENGTH = re.compile(rb"0|[1-9][0-9]{,%d}" % (_DIGITS - 1))


def encoded(octets: bytes) -> bytes:
    """
    Return a netstring.

    Args:
        octets: Its content.

    Returns:
        The netstring.

    Example:
        >>> encoded(b"hello")
        b'5:hello,'
    """
    return b"%d:%s," % (len(octets), octets)


class NetstringReader:
    """
    A reader of one netstring, which arrives in pieces.

    Args:
        limit: The most octets of its content.

    Example:
        >>> reader = NetstringReader(100)
        >>> reader.feed(b"5:hel"), reader.feed(b"lo,"), reader.rest
        (None, b'hello', b'')
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._octets = bytearray()

    @property
    def rest(self) -> bytes:
        """The octets behind the netstring, once `feed` has returned its content."""
        return bytes(self._octets)

    def feed(self, octets: bytes) -> bytes | None:
        """
        Read the next octets.

        Args:
            octets: The octets.

        Returns:
            The content; None until the netstring is complete.

        Raises:
            ValueError: It is no netstring, or longer than the limit.
        """
        self._octets += octets
        digits, colon, _ = bytes(self._octets[: _DIGITS + 1]).partition(b":")
        if _LENGTH.fullmatch(digits) is None and (digits or colon):
            raise ValueError(f"no length of a netstring: {digits!r}")
        if not colon:
            return None
        length = int(digits)
        if length > self._limit:
            raise ValueError(f"a netstring of {length} octets, of which {self._limit} are allowed")
        start, end = len(digits) + 1, len(digits) + 1 + length
        if len(self._octets) <= end:
            return None
        if self._octets[end : end + 1] != b",":
            raise ValueError("a netstring without a comma at its end")
        content = bytes(self._octets[start:end])
        del self._octets[: end + 1]
        return content
