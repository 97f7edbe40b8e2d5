"""
The beginning of a message while it comes: octets are gathered until the header is whole, or a bound is reached.
"""

from __future__ import annotations


class Beginning:
    """
    Gathers the beginning of a message, however small its pieces are.  The cost is linear in the octets.

    Attributes:
        octets: What has come, with what came behind the header in the same piece.
        complete: True when the header's empty line has come, or as many octets as the limit allows.

    Args:
        limit: Octets after which the header counts as complete.
    """

    __slots__ = ("_limit", "complete", "octets")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.octets: bytes | bytearray = b""
        self.complete = False

    def add(self, piece: bytes) -> bool:
        """
        Take the next octets.

        Args:
            piece: The octets.

        Returns:
            True when the beginning is complete.
        """
        fresh: bytes | bytearray = piece
        if not self.octets:
            self.octets = piece  # nearly always all that is needed, and it is not copied
        else:
            fresh = self.octets[-2:] + piece  # an empty line is three octets, and may be cut
            if isinstance(self.octets, bytes):
                self.octets = bytearray(self.octets)
            self.octets += piece
        self.complete = (
            self.complete
            or fresh.find(b"\n\r\n") >= 0  # "in" makes and forgets an error first, since octets may hold a number too
            or fresh.find(b"\n\n") >= 0
            or len(self.octets) >= self._limit
            or self.octets.startswith((b"\r\n", b"\n"))
        )
        return self.complete
