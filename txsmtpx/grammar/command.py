"""Command lines (RFC 5321 §4.1.1): a verb and its argument, in octets and as text."""

from __future__ import annotations

import re

from txsmtpx.grammar.malformed import Malformed

# The control characters of ASCII and of Latin-1.  A terminal that shows a log may act on either.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')  # or without its end, so that no octet is searched twice

MAX_SHORT_LINE = 512
"""Octets of a command line, with its line end, that every server accepts (RFC 5321 §4.5.3.1.4)."""

MAX_LINE = 2000
"""
Octets of a command line with its line end.

RFC 5321 §4.5.3.1.4 asks for 512, and for more with each extension that has parameters.  Postfix reads at most
2,048 octets (line_length_limit), go-smtp 2,000 (MaxLineLength).
"""

MAX_AUTH_LINE = 12288
"""Octets of a line within an AUTH exchange with its line end (RFC 4954 §4)."""


def split(line: bytes) -> tuple[str, str]:
    """
    Split a command line into its verb and its argument.

    A tab outside of a quoted string is read as a space, as Postfix does.  RFC 5321 §4.1.1 asks servers to tolerate
    white space before the line end.  UTF-8 is accepted here (RFC 6531 §3.3).  Each command checks whether its address
    may be in UTF-8.

    Args:
        line: The command line without its line end.

    Returns:
        The verb in upper case, and the argument without white space around it.

    Raises:
        Malformed: The line holds a control octet, or is not UTF-8.  A CR is a control octet: the octets after it are
            never run as another command.

    Example:
        >>> split(b"rcpt TO:<ann@example.org> ")
        ('RCPT', 'TO:<ann@example.org>')
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"Octet 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8") from None
    # Printable is nearly every line.  The others have a tab, a control character, or white space beyond ASCII.
    if not text.isprintable():
        text = _without_tabs(text)
    verb, _, argument = text.partition(" ")
    return verb.upper() if verb.isascii() else verb, argument.strip(" ")  # "\u017f".upper() is an S


def _without_tabs(text: str) -> str:
    """
    Replace the tabs of a command line.

    Returns:
        The line with a space for each tab.

    Raises:
        Malformed: The line holds another control character, or a tab in a quoted string (RFC 5321 §4.1.2: qtextSMTP).
    """
    control = _CONTROL_BUT_TAB.search(text)
    if control is not None:
        raise Malformed(_bad_octet(text, control.start()))
    if "\t" not in text:
        return text
    text = text.rstrip("\t ")
    for quoted in _QUOTED.finditer(text):
        if "\t" in quoted[0]:
            raise Malformed(_bad_octet(text, text.index("\t", quoted.start())))
    return text.replace("\t", " ")


def _bad_octet(text: str, at: int) -> str:
    """Return the text of an error: the first octet of the character at this index, and its position from 1."""
    position, octets = len(text[:at].encode()) + 1, text[at].encode()
    if len(octets) == 1:
        return f"Octet 0x{octets[0]:02X} at position {position} is a control octet"
    return f"Octet 0x{octets[0]:02X} at position {position} begins a control character"


def join(verb: str, *words: str) -> bytes:
    r"""
    Return the octets of a command line, CRLF included.

    Args:
        verb: The verb.
        *words: The words of the argument.

    Returns:
        The octets, in UTF-8.

    Raises:
        ValueError: A word holds CR, LF, NUL or another control character.  So no word can add a command.

    Example:
        >>> join("MAIL", "FROM:<ann@example.org>", "SIZE=1000")
        b'MAIL FROM:<ann@example.org> SIZE=1000\r\n'
    """
    line = " ".join([verb, *words])
    if _CONTROL.search(line):
        raise ValueError(f"control character in a command: {line[:100]!r}")
    return line.encode("utf-8") + b"\r\n"
