r"""
Transparency (RFC 5321 §4.5.2): dots are stuffed and unstuffed chunk by chunk, and bare CR and LF are replaced.

Theory of operation.  The end of the data is CRLF.CRLF, and its first CRLF may be that of the DATA command.  So the
`Unstuffer` behaves as if a CRLF had come before the first chunk.  The last octets of a chunk may be the beginning of a
line end, of a stuffed dot, or of the end of the data.  They are withheld until the next chunk comes.  `LineEnds`
withholds a CR at the end of a chunk likewise.  Chunks are searched as a whole, by methods of ``bytes`` that run in C;
no line is looked at by itself.
"""

from __future__ import annotations

import re
from io import IncrementalNewlineDecoder
from typing import Literal

BareNewlines = Literal["normalize", "reject", "accept"]
"""What the server does with a CR or LF outside of a CRLF, which clients must not send (RFC 5321 §2.3.8)."""

MAX_CRS = 4
"""
CRs that, with the LF behind them, are read as one line end under "normalize".

If the lines of a message end in CRLF, ``sendmail`` of twisted.mail writes CR CR LF; a second such program adds a third
CR.  Postfix accepts any number.  Here there is a limit, since CRs are withheld until the LF comes.
"""

_END = b"\r\n.\r\n"
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


def has_bare(chunk: bytes) -> bool:
    r"""
    Tell whether a chunk holds a CR or LF outside of a CRLF.

    Args:
        chunk: The octets, which do not begin or end within a CRLF.

    Returns:
        True if there is one.

    Example:
        >>> has_bare(b"one\r\ntwo\r\n"), has_bare(b"one\ntwo\r\n")
        (False, True)
    """
    # Python's decoder of text files records the kinds of line ends that it has met, in one pass in C.
    reader = IncrementalNewlineDecoder(None, translate=False)
    reader.decode(chunk.decode("latin-1"), final=True)
    return reader.newlines is not None and reader.newlines != "\r\n"


class Unstuffer:
    r"""
    Turns the octets after DATA into the message.  The server creates one for each DATA command.

    Only CRLF.CRLF ends the data, under every policy.  So no message can be smuggled within another one by an end that
    one server sees and the next does not.  Under "normalize" an LF with no CR before it, or with two to four, becomes a
    CRLF in the message.  A CR elsewhere becomes a space.

    Args:
        bare_newlines: "normalize" replaces each bare CR and LF.  The other policies leave them in the message.

    Attributes:
        bare: True if a bare CR or LF has come.

    Example:
        >>> unstuffer = Unstuffer()
        >>> unstuffer.feed(b"hello\r\n..\r\n.\r\nNOOP\r\n")
        (b'hello\r\n.\r\n', 14)
    """

    __slots__ = ("_normalize", "_started", "_withheld", "bare")

    def __init__(self, bare_newlines: BareNewlines = "normalize") -> None:
        self._normalize = bare_newlines == "normalize"
        self._withheld = b"\r\n"  # the CRLF of the DATA command
        self._started = False
        self.bare: bool = False

    def feed(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """
        Process the next octets.

        Args:
            data: The octets.
            start: The index in the data from which on they belong to the message.

        Returns:
            The next octets of the message, and the index in the data behind the end of the message.  The index is -1 if
            the end has not come.
        """
        before = len(self._withheld) - start
        data = self._withheld + data[start:]
        # The end of the data is searched only behind a dot at the beginning of a line.
        dot = data.find(b".")  # a search for one octet costs little, and most chunks have no dot
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
        # The first chunk begins with the CRLF of the DATA command, which is not part of the message.
        if self._started or not chunk:
            return chunk
        self._started = True
        return chunk[2:]


def _normalized(chunk: bytes) -> bytes:
    """
    Normalize the line ends of a chunk, which is not cut within one.

    Returns:
        The chunk with each line end as CRLF and each other CR as a space.
    """
    for _ in range(MAX_CRS):
        chunk = chunk.replace(b"\r\n", b"\n")
    return chunk.replace(b"\r", b" ").replace(b"\n", b"\r\n")


def _uncertain(data: bytes) -> int:
    """Return the number of octets at the end of the data whose meaning depends on the next ones."""
    for size in (4, 3, 2, 1):
        if data.endswith(_END[:size]):
            end = len(data) - size
            run = data[max(end - MAX_CRS + 1, 0) : end]  # CRs here may be part of the line end behind them
            return size + len(run) - len(run.rstrip(b"\r"))
    return 1 if data.endswith(b"\n") else 0  # a bare LF may be a line end, and a dot behind it stuffed


class LineEnds:
    r"""
    Turns each line end of a message into CRLF, wherever the message is cut into chunks.

    Args:
        checked: True if `has_bare` is known to be False for the whole message.  Then it is not searched again.

    Attributes:
        at_start: True if the next octet begins a line.

    Example:
        >>> line_ends = LineEnds()
        >>> line_ends.feed(b"one\ntwo\r"), line_ends.feed(b"\nthree"), line_ends.finish()
        (b'one\r\ntwo', b'\r\nthree', b'\r\n')
    """

    __slots__ = ("_checked", "_cr", "at_start")

    def __init__(self, checked: bool = False) -> None:
        self._checked = checked
        self._cr = False  # True if a CR is withheld, since an LF may follow
        self.at_start: bool = True

    def feed(self, chunk: bytes) -> bytes:
        """
        Process the next octets.

        Args:
            chunk: The octets.

        Returns:
            The octets with their line ends as CRLF.  A CR at their end is withheld until the next call.
        """
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
        """
        End the message.

        Returns:
            The end of the last line if it is missing, as DATA needs it (RFC 5321 §4.1.1.4); otherwise nothing.
        """
        missing = self._cr or not self.at_start
        self._cr, self.at_start = False, True
        return b"\r\n" if missing else b""


def size_as_sent(octets: bytes, bare: bool) -> int:
    """
    Count the octets of a message as it is sent, for SIZE (RFC 1870 §6).

    Args:
        octets: The whole message.
        bare: The result of `has_bare` for the message.

    Returns:
        The octets, with each line end as CRLF, that of the last line included.  Stuffed dots do not count.

    Example:
        >>> size_as_sent(b"one", False)
        5
    """
    size = len(octets)
    if bare:
        size += octets.count(b"\n") + octets.count(b"\r") - 2 * octets.count(b"\r\n")
    return size if not octets or octets.endswith((b"\n", b"\r")) else size + 2


def with_line_ends(message: bytes, checked: bool = False) -> bytes:
    """
    Make each line end of a message a CRLF, that of the last line too.

    Args:
        message: The whole message.
        checked: True if `has_bare` has found nothing in it.

    Returns:
        The message as BDAT sends it.
    """
    if not checked and has_bare(message):
        message = _ANY_LINE_END.sub(b"\r\n", message)
    return message if message.endswith(b"\n") or not message else message + b"\r\n"


def stuffed(message: bytes, checked: bool = False) -> bytes:
    """
    Stuff the dots of a whole message; `Stuffer` does so for one in pieces.

    Args:
        message: The whole message.
        checked: True if `has_bare` has found nothing in it.

    Returns:
        The octets to send after 354, with those that end the data.
    """
    octets = with_line_ends(message, checked)
    if octets.find(b".") >= 0:  # "in" makes and forgets an error first
        octets = octets.replace(b"\r\n.", b"\r\n..")
        if octets.startswith(b"."):
            octets = b"." + octets
    return octets + b".\r\n"


class Stuffer:
    r"""
    Turns a message into the octets to send after 354.  The client creates one for each DATA command.

    Args:
        checked: See `LineEnds`.

    Example:
        >>> stuffer = Stuffer()
        >>> stuffer.feed(b"hello\n.") + stuffer.finish()
        b'hello\r\n..\r\n.\r\n'
    """

    __slots__ = ("_line_ends",)

    def __init__(self, checked: bool = False) -> None:
        self._line_ends = LineEnds(checked)

    def feed(self, chunk: bytes) -> bytes:
        """
        Process the next octets of the message.

        Args:
            chunk: The octets.

        Returns:
            The octets to send.
        """
        at_start = self._line_ends.at_start
        chunk = self._line_ends.feed(chunk)
        if chunk.find(b".") < 0:  # "in" costs more: it first tries the octets as an integer
            return chunk
        dot = b"." if at_start and chunk.startswith(b".") else b""
        return dot + chunk.replace(b"\r\n.", b"\r\n..")

    def finish(self) -> bytes:
        """
        End the message.

        Returns:
            The octets to send: the end of the last line if it is missing, and the line with the dot.
        """
        return self._line_ends.finish() + b".\r\n"
