"""
Replies: RFC 5321 §4.2, with the enhanced status codes of RFC 3463 and RFC 2034.

A `Reply` is a value.  The server writes it with `Reply.encode`; the client gets it from a
`ReplyParser` that is fed line by line.  A reply that has been encoded remembers its octets, since
most replies of a server are constants.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

EnhancedCode = tuple[int, int, int]

MAX_LINE = 512
"""Octets of a reply line with its CRLF (RFC 5321 §4.5.3.1.5); longer texts are folded when written."""

MAX_PARSED_LINES = 1000
"""Lines of one reply that a client reads; a server that sends more breaks the protocol."""

MAX_KEPT = 16 * 1024
"""Octets of a reply after which no further line of it is kept: an answer to EHLO has some hundred."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# An enhanced code of another class than the code itself is text (RFC 2034 §4).
_LINE = re.compile(
    rb"([2-5])[0-9][0-9](?:([ -])(?:(?!3)\1\.([0-9]{1,3})\.([0-9]{1,3})(?: |$))?(.*))?", re.DOTALL
)


class Reply:
    """
    One reply: a code, perhaps an enhanced code, and one or more lines of text.

    Attributes:
        code: Three digits, 200 to 599 (RFC 5321 §4.2.1).
        enhanced_code: (class, subject, detail) or None for none on the wire (RFC 2034 §4: greeting,
            answers to EHLO and every 3xx have none).
        lines: The text, a ``str`` a line, at least one.

    Raises:
        ValueError: The code is no reply code, or the class of the enhanced code differs from it.
        TypeError: An argument has another type.  It is raised here, where the caller sees it: what cannot be
            written must not come as far as the connection.
    """

    __slots__ = ("_octets", "code", "enhanced_code", "lines")

    def __init__(self, code: int, enhanced_code: EnhancedCode | None, *lines: str) -> None:
        if not isinstance(code, int) or not 200 <= code <= 599:
            raise ValueError(f"no reply code: {code!r}")
        if enhanced_code is not None:
            _check_enhanced(enhanced_code, code)
        for line in lines:
            if not isinstance(line, str):
                raise TypeError(f"a line of a reply is a str, not {type(line).__name__}")
        self.code = code
        self.enhanced_code = enhanced_code
        self.lines = lines or ("",)
        self._octets: bytes | None = None

    @property
    def positive(self) -> bool:
        """Whether the command was accepted, at least so far (2xx and 3xx)."""
        return self.code < 400

    @property
    def temporary(self) -> bool:
        """Whether trying again later may help (4xx)."""
        return 400 <= self.code < 500

    @property
    def text(self) -> str:
        """The lines joined by newlines, without codes."""
        return "\n".join(self.lines)

    @property
    def one_line(self) -> str:
        """All of it in a line, for a log: as on the wire, where nothing in it can pass for another line."""
        return self.encode().decode("utf-8").rstrip("\r\n").replace("\r\n", " / ")

    def encode(self) -> bytes:
        """The octets to be written: every line with its code, ended by CRLF."""
        if self._octets is None:
            self._octets = _encode(self)
        return self._octets

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return (self.code, self.enhanced_code, self.lines) == (other.code, other.enhanced_code, other.lines)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is copied and pickled, the exceptions that carry it too."""
        return type(self), (self.code, self.enhanced_code, *self.lines)

    def __hash__(self) -> int:
        return hash((self.code, self.enhanced_code, self.lines))

    def __str__(self) -> str:
        return "\n".join(_said(self))

    def __repr__(self) -> str:
        return f"Reply({self.code}, {self.enhanced_code}, {', '.join(map(repr, self.lines))})"


@lru_cache(maxsize=64)
def _check_enhanced(enhanced: object, code: int) -> None:
    """
    Check an enhanced code; the same few are checked all day.

    Raises:
        ValueError: ``enhanced`` is no enhanced code (RFC 3463 §2), or does not go with ``code``.
        TypeError: It is no tuple of three numbers.
    """
    if not isinstance(enhanced, tuple) or len(enhanced) != 3 or not all(isinstance(each, int) for each in enhanced):
        raise TypeError(f"an enhanced code is a tuple of three numbers, such as (5, 1, 1), not {enhanced!r}")
    if enhanced[0] != code // 100:
        raise ValueError(f"enhanced code {enhanced} does not go with {code} (RFC 2034 §4)")
    if not (0 <= enhanced[1] <= 999 and 0 <= enhanced[2] <= 999):
        raise ValueError(f"subject and detail of an enhanced code are 0 to 999, not {enhanced} (RFC 3463 §2)")


def _said(reply: Reply) -> list[str]:
    """The lines with code and enhanced code, as on the wire but for length and control characters."""
    enhanced = "" if reply.enhanced_code is None else "{}.{}.{} ".format(*reply.enhanced_code)
    last = len(reply.lines) - 1
    return [f"{reply.code}{'-' if n < last else ' '}{enhanced}{line}" for n, line in enumerate(reply.lines)]


def _encode(reply: Reply) -> bytes:
    enhanced = b"" if reply.enhanced_code is None else b"%d.%d.%d " % reply.enhanced_code
    room = MAX_LINE - len(enhanced) - len("250 \r\n")
    first = reply.lines[0]
    if len(reply.lines) == 1 and len(first) <= room and first.isascii() and first.isprintable():
        return b"%d %s%s\r\n" % (reply.code, enhanced, first.encode("ascii"))  # as nearly all are
    texts = [piece for line in reply.lines for part in line.splitlines() or [""] for piece in _fold(part, room)]
    last = len(texts) - 1
    return b"".join(
        b"%d%s%s%s\r\n" % (reply.code, b"-" if n < last else b" ", enhanced, text) for n, text in enumerate(texts)
    )


def _fold(line: str, room: int) -> list[bytes]:
    """
    One line of text as octets that can hurt nobody, in pieces of at most ``room``.

    A control character becomes a question mark: a backend may quote what the peer has sent, and a
    CR in it must not begin a reply of the peer's own making.
    """
    text = _CONTROL.sub("?", line).encode("utf-8", "replace")
    pieces = []
    while len(text) > room:
        cut = text.rfind(b" ", 1, room + 1)
        if cut < 1:
            cut = room
            while text[cut] & 0xC0 == 0x80:  # never inside a UTF-8 sequence
                cut -= 1
        pieces.append(text[:cut])
        text = text[cut:].removeprefix(b" ")
    return [*pieces, text]


class ReplyParser:
    """
    Reads replies from lines (RFC 5321 §4.2: Reply-line).

    Lenient where the field is: the code alone is a line, the last line counts for the code where the
    lines disagree in their text, an enhanced code need not stand on each line.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._count = self._size = 0
        self._code = 0
        self._enhanced: EnhancedCode | None = None

    @property
    def partial(self) -> bool:
        """Whether a multi-line reply has begun and not ended."""
        return bool(self._lines)

    def feed(self, line: bytes) -> Reply | None:
        """
        Take one line, without its line end.

        Returns:
            The reply that this line completes, or None when more lines belong to it.

        Raises:
            ValueError: The line is no reply line, or contradicts those before it.
        """
        said, more = _parsed(line)
        if not more and not self._lines:  # as most are
            return said
        if self._lines and said.code != self._code:
            raise ValueError(f"a reply of {self._code} goes on as {said.code}")
        if self._count >= MAX_PARSED_LINES:
            raise ValueError("a reply without end")
        self._code = said.code
        if said.enhanced_code is not None:
            self._enhanced = said.enhanced_code
        if self._size < MAX_KEPT:
            self._lines += said.lines
        self._count += 1
        self._size += len(line)
        if more:
            return None
        reply = Reply(said.code, self._enhanced, *self._lines)
        self._lines, self._enhanced, self._count, self._size = [], None, 0, 0
        return reply


@lru_cache(maxsize=64)
def _parsed(line: bytes) -> tuple[Reply, bool]:
    """
    A reply line as a reply of its own, and whether another line follows; a server says the same few all day.

    Raises:
        ValueError: It is none.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"no reply: {line[:100]!r}")
    kind, more, subject, detail, text = match.groups()
    enhanced = None if subject is None else (int(kind), int(subject), int(detail))
    return Reply(int(line[:3]), enhanced, text.decode("utf-8", "replace") if text else ""), more == b"-"
