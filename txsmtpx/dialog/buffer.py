"""
Octets that wait for their reader.

A ``bytes`` object of 2 octets takes 40 octets of memory with its place in a list.  A client may send a message in such
pieces (BDAT 2, or one octet a segment), so small pieces are joined as they come.  Large pieces are kept as they are,
which saves a copy.  Of two neighbours at least one has `PIECE` octets: what is held takes a quarter more memory than
its octets, at most.
"""

from __future__ import annotations

PIECE = 4096
"""Octets of a piece that is kept as it is."""


class Buffer:
    """
    Octets in order.  A `Message` has one, and so have backends and middleware that collect a message.

    Attributes:
        size: The number of octets held.

    Example:
        >>> buffer = Buffer()
        >>> buffer.add(b"one ")
        >>> buffer.add(b"two")
        >>> buffer.size, buffer.take(), buffer.size
        (7, b'one two', 0)
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes | bytearray] = []
        self.size: int = 0

    def add(self, octets: bytes) -> None:
        """
        Hold octets behind those that are held.

        Args:
            octets: The octets.
        """
        self.size += len(octets)
        pieces = self._pieces
        if len(octets) < PIECE and pieces and len(pieces[-1]) < PIECE:
            last = pieces[-1]
            if not isinstance(last, bytearray):
                last = pieces[-1] = bytearray(last)
            last += octets
        else:
            pieces.append(octets)

    def take(self) -> bytes:
        """
        Return all octets, and hold none.

        Returns:
            The octets.
        """
        pieces, self._pieces = self._pieces, []
        self.size = 0
        return b"".join(pieces)

    def clear(self) -> None:
        """Hold no octets."""
        self._pieces = []
        self.size = 0
