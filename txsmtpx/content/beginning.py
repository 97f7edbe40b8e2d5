"""
The beginning of a message while it comes: octets are gathered until the header is whole, or a bound is reached.
"""

from __future__ import annotations

_ENDS = (b"\n\r\n", b"\n\n")


class Beginning:
    """
    Gathers the beginning of a message, however small its pieces are.  The cost is linear in the octets.

    Attributes:
        octets: What has come, with what came behind the header in the same piece.
        complete: True when the header's empty line has come, or as many octets as the limit allows.
    """

    __slots__ = ("_limit", "complete", "octets")

    def __init__(self, limit: int) -> None:
        """
        Args:
            limit: Octets after which the header counts as complete.
        """
        self._limit = limit
        self.octets = bytearray()
        self.complete = False

    def add(self, piece: bytes) -> bool:
        """
        Take the next octets.

        Args:
            piece: The octets.

        Returns:
            True when the beginning is complete.
        """
        octets = self.octets
        looked_at = max(0, len(octets) - 2)
        octets += piece
        if not self.complete:
            self.complete = (
                len(octets) >= self._limit
                or any(octets.find(end, looked_at) >= 0 for end in _ENDS)
                or octets.startswith((b"\r\n", b"\n"))
            )
        return self.complete
