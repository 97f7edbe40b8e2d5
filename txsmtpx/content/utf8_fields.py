"""
UTF-8 in the header fields of a message and of its parts, detected while the message comes (RFC 6532 §3).

Such a message is internationalized, and needs a server that offers SMTPUTF8 (RFC 6531 §3.4).  Postfix checks the fields
of parts and of attached messages too.

Theory of operation.  The octets are those of a header, or those between two headers.  `txsmtpx.content.header` finds
the end of a header.  Its Content-Type decides what follows: the header of an attached message, or a body.  In a body,
the delimiters of all multiparts so far begin the next header.  If there is no multipart, the search is over.

If the first octet above 127 of a header does not begin a character of UTF-8, the header is in another charset.  Such a
header does not count, since SMTPUTF8 would not describe it.
"""

from __future__ import annotations

import re

from txsmtpx.content import header
from txsmtpx.content.beginning import Beginning
from txsmtpx.content.part import MAX_DEPTH, MAX_LINE, Part

MAX_HEADER = 256 * 1024
"""Octets of one header that are searched."""

MAX_NAME = 1000
"""Octets without a colon that may be the beginning of a field name."""

SLICE = 16 * 1024
"""Octets that are searched at once.  The rest of a slice is copied behind each header, so slices must be short."""

MAX_LOOKS = 100
"""Searches of one header that find no octet above 127 in its fields.  After them it is not searched any more."""

_FOREIGN = re.compile(rb"[\x80-\xff]")
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CUT = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")


class UTF8Fields:
    r"""
    Detects UTF-8 in header fields.  The client creates one for each message that it sends.

    Attributes:
        found: True if UTF-8 was found.

    Example:
        >>> UTF8Fields().feed("Subject: Grüße\r\n\r\nhello\r\n".encode())
        True
        >>> UTF8Fields().feed("Subject: hello\r\n\r\nGrüße\r\n".encode())
        False
    """

    __slots__ = ("_boundaries", "_header", "_looks", "_over", "_rest", "found")

    def __init__(self) -> None:
        """Expect the first octet of a message."""
        self.found: bool = False
        self._over = False
        self._looks = 0
        self._header: Beginning | None = Beginning(MAX_HEADER)
        self._boundaries: set[bytes] = set()
        self._rest = b""  # of the octets between headers: those that may begin a delimiter

    def feed(self, octets: bytes) -> bool:
        """
        Search the next octets.

        Args:
            octets: The next octets of the message.

        Returns:
            True if UTF-8 was found, in these octets or earlier.
        """
        for at in range(0, len(octets), SLICE):
            piece: bytes | None = octets[at : at + SLICE]
            while piece and not self._over:
                piece = self._between(piece) if self._header is None else self._in_header(self._header, piece)
            if self._over:
                break
        return self.found

    def _in_header(self, beginning: Beginning, piece: bytes) -> bytes | None:
        """Return the octets behind a header, of which this piece is the next; None if its end has not come."""
        whole = beginning.add(piece)
        if not whole and (self._looks >= MAX_LOOKS or piece.isascii()):
            return None
        octets = bytes(beginning.octets)
        fields = header.read(octets)
        if self._looks < MAX_LOOKS:
            self._look(octets[: fields.size], whole)
        rest = octets[fields.size :]
        if not whole and len(rest) <= MAX_NAME and b"\n" not in rest:
            return None  # more fields may come
        return self._after(Part(octets, fields, 0, 0), rest)

    def _look(self, fields: bytes, whole: bool) -> None:
        """Search the fields that have come."""
        foreign = _FOREIGN.search(fields)
        if foreign is None:
            self._looks += 1
        elif _UTF8.match(fields, foreign.start()):
            self.found = self._over = True
        elif whole or not _CUT.match(fields, foreign.start()):
            self._looks = MAX_LOOKS  # another charset

    def _after(self, part: Part, rest: bytes) -> bytes:
        """Return the octets behind a header, and decide what they are."""
        self._looks = 0
        boundary = part.boundary.encode("utf-8", "replace")
        if boundary and len(self._boundaries) < MAX_DEPTH:
            self._boundaries.add(boundary)
        attached = part.declared_type.startswith("message/")
        self._header = Beginning(MAX_HEADER) if attached else None
        self._rest = b"\n"  # a delimiter may follow immediately
        self._over = self._over or not (attached or self._boundaries)
        return rest

    def _between(self, piece: bytes) -> bytes | None:
        """Return the octets behind the next delimiter; None if there is none in this piece."""
        octets = self._rest + piece
        at = octets.find(b"\n--")
        while at >= 0:
            end = octets.find(b"\n", at + 1)
            if end < 0:
                break
            line = octets[at + 3 : min(end, at + 3 + MAX_LINE)].rstrip(b" \t\r")
            if line in self._boundaries:
                self._header = Beginning(MAX_HEADER)
                return octets[end + 1 :]
            at = octets.find(b"\n--", end)
        self._rest = octets[at : at + 3 + MAX_LINE] if at >= 0 else octets[-2:]
        return None
