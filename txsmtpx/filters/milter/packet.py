"""
Packets of the milter protocol: a length of four octets, a code of one octet, and the data of that code.

The length counts the code and the data.  Numbers are big-endian.  A string ends in a NUL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from txsmtpx.filters.milter.errors import MilterProtocolError

MAX_DATA = 65_535
"""Octets of data of a packet that a server sends.  libmilter of Sendmail accepts no more (MILTER_MAX_DATA_SIZE)."""

MAX_PACKET = 1024 * 1024
"""Octets of a packet that is received.  Sendmail's largest negotiable size is 1 MiB (MILTER_MDS_1M)."""


class Packet(NamedTuple):
    """
    One packet.

    Attributes:
        code: The code, one octet.
        data: The data of that code.
    """

    code: bytes
    data: bytes


def encode(code: bytes, data: bytes = b"") -> bytes:
    r"""
    Encode a packet.

    Args:
        code: The code, one octet.
        data: The data.

    Returns:
        The octets of the packet.

    Example:
        >>> encode(b"H", b"client.example\x00")
        b'\x00\x00\x00\x10Hclient.example\x00'
    """
    return (len(data) + 1).to_bytes(4) + code + data


class PacketReader:
    r"""
    Splits received octets into packets.  Each end of a connection creates one.

    Args:
        limit: The most octets of a packet, its code included.

    Example:
        >>> reader = PacketReader()
        >>> list(reader.feed(b"\x00\x00\x00")), list(reader.feed(b"\x01c"))
        ([], [Packet(code=b'c', data=b'')])
    """

    def __init__(self, limit: int = MAX_PACKET) -> None:
        self._limit = limit
        self._held = bytearray()

    @property
    def partial(self) -> bool:
        """True if a packet has begun and not ended."""
        return bool(self._held)

    def feed(self, octets: bytes) -> Iterator[Packet]:
        """
        Process received octets.

        Args:
            octets: The next octets.

        Yields:
            Each packet that is complete.

        Raises:
            MilterProtocolError: A packet has no code, or is longer than the limit.
        """
        held = self._held
        held += octets
        start = 0
        try:
            while len(held) - start >= 4:
                size = int.from_bytes(held[start : start + 4])
                if not 0 < size <= self._limit:
                    raise MilterProtocolError(f"a packet has 1 to {self._limit} octets, not {size}")
                end = start + 4 + size
                if len(held) < end:
                    break
                packet = Packet(bytes(held[start + 4 : start + 5]), bytes(held[start + 5 : end]))
                start = end
                yield packet
        finally:
            del held[:start]


class DataReader:
    r"""
    Reads the data of a packet, from its beginning to its end.  A decoder creates one for each packet.

    Args:
        name: The name of the packet, for errors.
        data: The data.

    Example:
        >>> data = DataReader("Connect", b"client.example\x004\x00\x19")
        >>> data.string(), data.octet(), data.uint16()
        (b'client.example', b'4', 25)
        >>> data.end()
    """

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """True if there are octets left."""
        return self._at < len(self._data)

    def octet(self) -> bytes:
        """
        Read one octet.

        Returns:
            The octet.
        """
        return self._take(1)

    def uint16(self) -> int:
        """
        Read a number of two octets.

        Returns:
            The number.
        """
        return int.from_bytes(self._take(2))

    def uint32(self) -> int:
        """
        Read a number of four octets.

        Returns:
            The number.
        """
        return int.from_bytes(self._take(4))

    def string(self) -> bytes:
        """
        Read a string.

        Returns:
            The string without its NUL.

        Raises:
            MilterProtocolError: There is no NUL.
        """
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise MilterProtocolError(f"{self._name}: a string has no NUL at its end")
        return self._take(end + 1 - self._at)[:-1]

    def strings(self) -> tuple[bytes, ...]:
        """
        Read all strings that are left.

        Returns:
            The strings without their NULs.
        """
        found = []
        while self.more:
            found.append(self.string())
        return tuple(found)

    def rest(self) -> bytes:
        """
        Read all octets that are left.

        Returns:
            The octets.
        """
        return self._take(len(self._data) - self._at)

    def text(self) -> bytes:
        """
        Read the only string of a packet, of which some filters omit the NUL.

        Returns:
            The string.

        Raises:
            MilterProtocolError: A NUL stands within the text.
        """
        text = self.rest().removesuffix(b"\0")
        if b"\0" in text:
            raise MilterProtocolError(f"{self._name}: {len(text)} octets of text hold a NUL")
        return text

    def end(self) -> None:
        """
        Check that nothing is left.

        Raises:
            MilterProtocolError: There are octets left.
        """
        left = len(self._data) - self._at
        if left:
            raise MilterProtocolError(f"{self._name}: {left} octets behind its end")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise MilterProtocolError(f"{self._name}: {count - len(taken)} octets are missing")
        self._at += count
        return taken


def string(*values: bytes) -> bytes:
    r"""
    Encode strings.

    Args:
        values: The strings.  Of each, the octets before its first NUL are sent.

    Returns:
        The strings, each with a NUL behind it.

    Example:
        >>> string(b"Subject", b"Lunch")
        b'Subject\x00Lunch\x00'
    """
    return b"".join(value.partition(b"\0")[0] + b"\0" for value in values)
