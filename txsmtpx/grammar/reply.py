"""
Replies (RFC 5321 §4.2), with the enhanced status codes of RFC 3463 and RFC 2034.

A `Reply` is a value.  The server writes it with `Reply.encode`.  The client parses it with a `ReplyParser`, line by
line.  Most replies of a server are constants, so a reply keeps its octets once it has been encoded.
"""

from __future__ import annotations

import re
from functools import lru_cache

EnhancedCode = tuple[int, int, int]
"""Class, subject and detail (RFC 3463 §2)."""

MAX_LINE = 512
"""Octets of a reply line with its CRLF (RFC 5321 §4.5.3.1.5).  A longer line of text is written as several lines."""

MAX_PARSED_LINES = 1000
"""
Lines of one reply that the client reads.  If there are more, the client ends the connection.

smtplib of Python limits the octets of a line, but not the lines.
"""

MAX_KEPT = 16 * 1024
"""Octets of a reply after which the client keeps no further line of it.  A reply to EHLO has a few hundred."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# RFC 5321 §4.2: a code, a hyphen or a space, and a text; or a code alone.  The second digit is 0 to 5 there, and any
# digit here.
# If the class of an enhanced code differs from the reply code, it is read as text (RFC 2034 §4).
_LINE = re.compile(
    rb"([2-5])[0-9][0-9](?:([ -])(?:(?!3)\1\.([0-9]{1,3})\.([0-9]{1,3})(?: |$))?(.*))?", re.DOTALL
)


class Reply:
    r"""
    A reply: a code, an enhanced code or none, and one or more lines of text.

    A backend returns replies, and the client returns those of the server.  A reply is never changed.  Its arguments are
    checked when it is created.  So the caller gets the error, before the reply is written.

    Args:
        code: The reply code, 200 to 599 (RFC 5321 §4.2.1).
        enhanced_code: The enhanced code, whose class is the first digit of the reply code.  None in a reply without
            one: the greeting, the replies to HELO, EHLO and LHLO, each 3xx (RFC 2034 §4).
        *lines: The lines of the text.  Without any, the text is one empty line.

    Attributes:
        code: The reply code.
        enhanced_code: The enhanced code or None.
        lines: The lines of the text, at least one.
        octets: The result of `encode`; None before its first call.

    Raises:
        ValueError: The code is no reply code, or the enhanced code does not match it.
        TypeError: An argument has a wrong type.

    Example:
        >>> Reply(550, (5, 1, 1), "No such mailbox here").encode()
        b'550 5.1.1 No such mailbox here\r\n'
        >>> print(Reply(250, None, "mail.example.org", "PIPELINING"))
        250-mail.example.org
        250 PIPELINING
    """

    __slots__ = ("code", "enhanced_code", "lines", "octets")

    def __init__(self, code: int, enhanced_code: EnhancedCode | None, *lines: str) -> None:
        if not isinstance(code, int) or not 200 <= code <= 599:
            raise ValueError(f"a reply code is a number from 200 to 599, not {code!r}")
        if enhanced_code is not None:
            _check_enhanced(enhanced_code, code)
        for line in lines:
            if not isinstance(line, str):
                raise TypeError(f"a line of a reply is a str, not {type(line).__name__}")
        self.code: int = code
        self.enhanced_code: EnhancedCode | None = enhanced_code
        self.lines: tuple[str, ...] = lines or ("",)
        self.octets: bytes | None = None

    @property
    def positive(self) -> bool:
        """True if the command was accepted (2xx), or the server expects more (3xx)."""
        return self.code < 400

    @property
    def temporary(self) -> bool:
        """True if a later attempt may succeed (4xx)."""
        return 400 <= self.code < 500

    @property
    def text(self) -> str:
        """The lines, joined by newlines, without the codes."""
        return "\n".join(self.lines)

    @property
    def one_line(self) -> str:
        """
        The whole reply in one line, for a log.

        Control characters are replaced as on the wire, so that a reply cannot add a line to the log.
        """
        return (self.octets or self.encode())[:-2].decode("utf-8").replace("\r\n", " / ")

    def encode(self) -> bytes:
        """
        Return the octets of the reply.

        Returns:
            Each line with the codes and its CRLF.  Control characters are replaced by question marks.
        """
        if self.octets is None:
            self.octets = _encode(self)
        return self.octets

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return (self.code, self.enhanced_code, self.lines) == (other.code, other.enhanced_code, other.lines)

    def __reduce__(self) -> tuple[type[Reply], tuple[object, ...]]:
        """Return the class and arguments from which copy and pickle make a reply, and the errors that hold one."""
        return type(self), (self.code, self.enhanced_code, *self.lines)

    def __hash__(self) -> int:
        return hash((self.code, self.enhanced_code, self.lines))

    def __str__(self) -> str:
        return "\n".join(_coded(self))

    def __repr__(self) -> str:
        return f"Reply({self.code}, {self.enhanced_code}, {', '.join(map(repr, self.lines))})"


@lru_cache(maxsize=64)
def _check_enhanced(enhanced: object, code: int) -> None:
    """
    Check an enhanced code.  Results are cached, since a server uses few codes.

    Raises:
        ValueError: The enhanced code is out of range (RFC 3463 §2), or does not match the reply code (RFC 2034 §4).
        TypeError: The enhanced code is not a tuple of three numbers.
    """
    if not isinstance(enhanced, tuple) or len(enhanced) != 3 or not all(isinstance(each, int) for each in enhanced):
        raise TypeError(f"an enhanced code is a tuple of three numbers, such as (5, 1, 1), not {enhanced!r}")
    if enhanced[0] != code // 100:
        raise ValueError(f"enhanced code {enhanced} does not go with {code} (RFC 2034 §4)")
    if not (0 <= enhanced[1] <= 999 and 0 <= enhanced[2] <= 999):
        raise ValueError(f"subject and detail of an enhanced code are 0 to 999, not {enhanced} (RFC 3463 §2)")


def _coded(reply: Reply) -> list[str]:
    """Return the lines with their codes, as on the wire but for long lines and control characters."""
    enhanced = "" if reply.enhanced_code is None else "{}.{}.{} ".format(*reply.enhanced_code)
    last = len(reply.lines) - 1
    return [f"{reply.code}{'-' if n < last else ' '}{enhanced}{line}" for n, line in enumerate(reply.lines)]


def _encode(reply: Reply) -> bytes:
    enhanced = b"" if reply.enhanced_code is None else b"%d.%d.%d " % reply.enhanced_code
    # A line of text that is too long becomes several reply lines, each with the codes (RFC 5321 §4.5.3.1.5).
    room = MAX_LINE - len(enhanced) - len("250 \r\n")
    first = reply.lines[0]
    if len(reply.lines) == 1 and len(first) <= room and first.isascii() and first.isprintable():
        return b"%d %s%s\r\n" % (reply.code, enhanced, first.encode("ascii"))  # nearly all replies
    texts = [piece for line in reply.lines for part in line.splitlines() or [""] for piece in _fold(part, room)]
    last = len(texts) - 1
    return b"".join(
        b"%d%s%s%s\r\n" % (reply.code, b"-" if n < last else b" ", enhanced, text) for n, text in enumerate(texts)
    )


def _fold(line: str, room: int) -> list[bytes]:
    """
    Encode a line of text, and cut it to fit into reply lines.

    A control character becomes a question mark.  A backend may quote octets of the peer, and a CR in them must not
    begin another reply.

    Returns:
        Pieces of at most ``room`` octets, cut at spaces where possible.
    """
    text = _CONTROL.sub("?", line).encode("utf-8", "replace")
    pieces = []
    while len(text) > room:
        cut = text.rfind(b" ", 1, room + 1)
        if cut < 1:
            cut = room
            while text[cut] & 0xC0 == 0x80:  # within a character of UTF-8
                cut -= 1
        pieces.append(text[:cut])
        text = text[cut:].removeprefix(b" ")
    return [*pieces, text]


class ReplyParser:
    """
    Parses replies, line by line (RFC 5321 §4.2: Reply-line).  The client creates one for each connection.

    The parser accepts what servers send beside the RFC.  A line may be the code alone.  A line of a multi-line reply
    may have no enhanced code; the last one given counts.

    Example:
        >>> parser = ReplyParser()
        >>> parser.feed(b"250-mail.example.org")
        >>> parser.feed(b"250 PIPELINING")
        Reply(250, None, 'mail.example.org', 'PIPELINING')
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._count = self._size = 0
        self._code = 0
        self._enhanced: EnhancedCode | None = None

    @property
    def partial(self) -> bool:
        """True if a multi-line reply has begun and not ended."""
        return bool(self._lines)

    def feed(self, line: bytes) -> Reply | None:
        """
        Parse one line.

        Args:
            line: The line without its line end.

        Returns:
            The reply that this line ends; None if more lines belong to it.

        Raises:
            ValueError: The line is not a reply line, has another code than the lines before it, or is one too many.
        """
        parsed, more = _parsed(line)
        if not more and not self._lines:  # most replies have one line
            return parsed
        if self._lines and parsed.code != self._code:
            raise ValueError(f"one reply has the codes {self._code} and {parsed.code}")
        if self._count >= MAX_PARSED_LINES:
            raise ValueError(f"a reply has more than {MAX_PARSED_LINES} lines")
        self._code = parsed.code
        if parsed.enhanced_code is not None:
            self._enhanced = parsed.enhanced_code
        # Lines are counted after MAX_KEPT too, so that a reply has an end.
        if self._size < MAX_KEPT:
            self._lines += parsed.lines
        self._count += 1
        self._size += len(line)
        if more:
            return None
        reply = Reply(parsed.code, self._enhanced, *self._lines)
        self._lines, self._enhanced, self._count, self._size = [], None, 0, 0
        return reply


@lru_cache(maxsize=64)
def _parsed(line: bytes) -> tuple[Reply, bool]:
    """
    Parse one reply line.  Results are cached, since most replies of a server are the same few.

    Returns:
        The line as a reply of one line, and whether another line of the reply follows.

    Raises:
        ValueError: The line is not a reply line.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"not a reply line: {line[:100]!r}")
    kind, more, subject, detail, text = match.groups()
    enhanced = None if subject is None else (int(kind), int(subject), int(detail))
    return Reply(int(line[:3]), enhanced, text.decode("utf-8", "replace") if text else ""), more == b"-"
