"""The beginning of a message while it comes: octets are collected until the header is whole, or a limit is reached."""

from __future__ import annotations


class Beginning:
    r"""
    Collects the beginning of a message.  The cost is linear in the octets, however small the pieces are.

    A reader of a header creates one for each message.

    Args:
        limit: Octets after which the header counts as complete.

    Attributes:
        octets: The octets that have come, with those behind the header in the same piece.
        complete: True if the header's empty line has come, or as many octets as the limit allows.

    Example:
        >>> beginning = Beginning(1000)
        >>> beginning.add(b"Subject: hello"), beginning.add(b"\r\n\r\nbody")
        (False, True)
    """

    __slots__ = ("_limit", "complete", "octets")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.octets: bytes | bytearray = b""
        self.complete: bool = False

    def add(self, piece: bytes) -> bool:
        """
        Process the next octets.

        Args:
            piece: The octets.

        Returns:
            True if the beginning is complete.
        """
        fresh: bytes | bytearray = piece
        if not self.octets:
            self.octets = piece  # nearly always the whole header, and without a copy
        else:
            fresh = self.octets[-2:] + piece  # the empty line may be cut between two pieces
            if isinstance(self.octets, bytes):
                self.octets = bytearray(self.octets)
            self.octets += piece
        self.complete = (
            self.complete
            or fresh.find(b"\n\r\n") >= 0  # "in" costs more: it first tries the octets as an integer
            or fresh.find(b"\n\n") >= 0
            or len(self.octets) >= self._limit
            or self.octets.startswith((b"\r\n", b"\n"))
        )
        return self.complete
