r"""
Transparency: RFC 5321 §4.5.2, dots stuffed and unstuffed by the chunk, and what is done with bare CR and LF.

Both directions lean on one trick.  The end of the data is CRLF.CRLF, whose first CRLF may be that of
the command before: so each side behaves as if a CRLF had come first, and withholds the last few
octets of a chunk that may belong to a line end, a dot, or the end.  There is no loop over lines.
"""

from __future__ import annotations

import re
from io import IncrementalNewlineDecoder
from typing import Literal

BareNewlines = Literal["normalize", "reject", "accept"]
"""What becomes of a CR or LF that is not part of a CRLF (RFC 5321 §2.3.8 forbids to send them), see `Unstuffer`."""

MAX_CRS = 4
"""
CRs before an LF that make one line end with it under "normalize".

twisted.mail's ``sendmail`` writes CR CR LF where the lines of the message end in CRLF already; a second program of that
kind adds a third CR.  Postfix takes any number.  Here there is a limit, since CRs are withheld until the LF comes.
"""

_END = b"\r\n.\r\n"
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


def has_bare(chunk: bytes) -> bool:
    """
    Whether ``chunk``, which splits no CRLF, holds a CR or LF that is not part of a CRLF.

    Python's own reader of text files keeps account of the line ends it has met, with one look at each octet.
    """
    reader = IncrementalNewlineDecoder(None, translate=False)
    reader.decode(chunk.decode("latin-1"), final=True)
    return reader.newlines is not None and reader.newlines != "\r\n"


class Unstuffer:
    """
    Takes the octets after DATA, gives the message.

    Only a real CRLF.CRLF ends the data, under every policy; so a message cannot be smuggled behind
    another by an end that this server sees and the one before it does not.  Under "normalize" an LF with no CR before
    it, or with two to four, becomes a CRLF in the message; a CR elsewhere becomes a space.

    Attributes:
        bare: Whether a bare CR or LF was met.
    """

    __slots__ = ("_normalize", "_started", "_withheld", "bare")

    def __init__(self, bare_newlines: BareNewlines = "normalize") -> None:
        self._normalize = bare_newlines == "normalize"
        self._withheld = b"\r\n"  # as if: see above
        self._started = False
        self.bare = False

    def feed(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """
        Take ``data`` from ``start`` on.

        Returns:
            The octets of the message that are now certain, and the index in ``data`` behind the end of
            the message, or -1 when it has not come.
        """
        before = len(self._withheld) - start
        data = self._withheld + data[start:]
        dot = data.find(b".")  # nearly free, and for most chunks the end of the search
        dot = data.find(b"\r\n.", max(dot - 2, 0)) if dot >= 0 else -1
        end = data.find(_END, dot) if dot >= 0 else -1
        if end < 0:
            keep = len(data) - _uncertain(data)
            self._withheld = data[keep:]
            return self._clean(data[:keep], dot >= 0), -1
        return self._clean(data[: end + 2], dot < end), end + len(_END) - before

    def _clean(self, chunk: bytes, dotted: bool) -> bytes:
        if has_bare(chunk):
            self.bare = True
            if self._normalize:
                chunk = _normalized(chunk)
                dotted = True
        if dotted:
            chunk = chunk.replace(b"\r\n.", b"\r\n")
        if self._started or not chunk:
            return chunk
        self._started = True
        return chunk[2:]


def _normalized(chunk: bytes) -> bytes:
    """``chunk``, which splits no line end, with each line end a CRLF and each other CR a space."""
    for _ in range(MAX_CRS):
        chunk = chunk.replace(b"\r\n", b"\n")
    return chunk.replace(b"\r", b" ").replace(b"\n", b"\r\n")


def _uncertain(data: bytes) -> int:
    """How many octets at the end of ``data`` the next ones may give another meaning."""
    for size in (4, 3, 2, 1):
        if data.endswith(_END[:size]):
            end = len(data) - size
            run = data[max(end - MAX_CRS + 1, 0) : end]  # CRs here are part of the line end that follows
            return size + len(run) - len(run.rstrip(b"\r"))
    return 1 if data.endswith(b"\n") else 0  # a dot after a bare LF is stuffing too, when that LF is a line end


class LineEnds:
    """
    Takes a message in chunks, gives it with every line end a CRLF; nothing is doubled, wherever it is cut.

    Args:
        checked: Whether `has_bare` has found nothing in the whole message, so that nothing is looked for again.
    """

    __slots__ = ("_checked", "_cr", "at_start")

    def __init__(self, checked: bool = False) -> None:
        self._checked = checked
        self._cr = False  # a CR is withheld: LF may follow
        self.at_start = True  # of a line

    def feed(self, chunk: bytes) -> bytes:
        """``chunk``, less a CR at its end, which comes with the next."""
        if self._cr:
            chunk, self._cr = b"\r" + chunk, False
        if chunk.endswith(b"\r"):
            chunk, self._cr = chunk[:-1], True
        if chunk:
            if not self._checked and has_bare(chunk):
                chunk = _ANY_LINE_END.sub(b"\r\n", chunk)
            self.at_start = chunk.endswith(b"\n")
        return chunk

    def finish(self) -> bytes:
        """The end of the last line where it is missing, as DATA needs it (RFC 5321 §4.1.1.4)."""
        missing = self._cr or not self.at_start
        self._cr, self.at_start = False, True
        return b"\r\n" if missing else b""


def size_as_sent(octets: bytes, bare: bool) -> int:
    """
    How many octets of a message are sent (RFC 1870 §6): each line end is a CRLF, that of the last line too.

    Args:
        bare: What `has_bare` says of ``octets``.
    """
    size = len(octets)
    if bare:
        size += octets.count(b"\n") + octets.count(b"\r") - 2 * octets.count(b"\r\n")
    return size if not octets or octets.endswith((b"\n", b"\r")) else size + 2


class Stuffer:
    """
    Takes a message in chunks, gives the octets to send after 354.

    Args:
        checked: See `LineEnds`.
    """

    __slots__ = ("_line_ends",)

    def __init__(self, checked: bool = False) -> None:
        self._line_ends = LineEnds(checked)

    def feed(self, chunk: bytes) -> bytes:
        """The octets to send for ``chunk``."""
        at_start = self._line_ends.at_start
        chunk = self._line_ends.feed(chunk)
        if chunk.find(b".") < 0:  # "in" makes and forgets an error first
            return chunk
        dot = b"." if at_start and chunk.startswith(b".") else b""
        return dot + chunk.replace(b"\r\n.", b"\r\n..")

    def finish(self) -> bytes:
        """The octets that end the data: the end of the last line where it is missing, and the lone dot."""
        return self._line_ends.finish() + b".\r\n"
