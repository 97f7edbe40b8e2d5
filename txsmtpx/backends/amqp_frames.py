"""The lengths of the frames that a broker sends, checked before the library holds the octets (guarantee 20)."""

from __future__ import annotations

import struct

MOST = 131_072
"""Octets of a frame.  RabbitMQ has this limit too (frame_max), and pika negotiates no larger one."""

_HEADER = struct.Struct(">BHI")
_TYPES = frozenset({1, 2, 3, 8})
"""Method, header, body and heartbeat."""


class FrameCheck:
    """
    The check of a stream of frames of AMQP 0-9-1.  A connection to a broker creates it.

    Example:
        >>> FrameCheck().check(b"HTTP/1.1 400 Bad Request")
        Traceback (most recent call last):
        ValueError: the server does not send frames of AMQP 0-9-1
    """

    def __init__(self) -> None:
        self._left = 0  # octets of the present frame
        self._header = b""  # the beginning of the next one

    def check(self, octets: bytes) -> None:
        """
        Check the next octets.

        Args:
            octets: The octets, which end anywhere.

        Raises:
            ValueError: A frame has an unknown type, or is too long.
        """
        position = 0
        while position < len(octets):
            if self._left:
                passed = min(self._left, len(octets) - position)
                self._left -= passed
                position += passed
                continue
            piece = octets[position : position + _HEADER.size - len(self._header)]
            self._header += piece
            position += len(piece)
            if self._header[0] not in _TYPES:
                raise ValueError("the server does not send frames of AMQP 0-9-1")
            if len(self._header) == _HEADER.size:
                _, _, size = _HEADER.unpack(self._header)
                if size > MOST:
                    raise ValueError(f"the broker sends a frame of {size} octets, and {MOST} are the limit")
                self._left, self._header = size + 1, b""  # a frame ends with one more octet
