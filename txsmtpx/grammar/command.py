"""
Command lines: RFC 5321 §4.1.1, a verb and what follows it.
"""

from __future__ import annotations

import re

from txsmtpx.grammar.malformed import Malformed

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_TAB = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?')  # also where its end is missing, so that each octet is looked at once

MAX_SHORT_LINE = 512
"""Octets that every server takes (RFC 5321 §4.5.3.1.4)."""

MAX_LINE = 2000
"""Octets of a command line with its line end: generous beside RFC 5321 §4.5.3.1.4 (512), for its parameters."""

MAX_AUTH_LINE = 12288
"""Octets of a line within an AUTH exchange with its line end (RFC 4954 §4)."""


def split(line: bytes) -> tuple[str, str]:
    """
    A command line, without its line end, as (VERB, argument).

    The verb is upper case, the argument without white space around it.  A tab is taken for a space, as Postfix does
    (RFC 5321 §4.1.1 asks servers to tolerate white space before the line end), except within a quoted string.  UTF-8
    passes here (RFC 6531 §3.3); whether an address may hold it is checked by the commands.

    Raises:
        Malformed: A control octet, or what is not UTF-8.  A CR is one of them: what follows it is
            not another command.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"Octet 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8") from None
    if not text.isprintable():
        text = _without_tabs(text)
    verb, _, argument = text.partition(" ")
    return verb.upper() if verb.isascii() else verb, argument.strip(" ")  # "\u017f".upper() is an S


def _without_tabs(text: str) -> str:
    """
    ``text`` with a space for each tab.

    Raises:
        Malformed: It holds another control character, or a tab in a quoted string (RFC 5321 §4.1.2: qtextSMTP).
    """
    control = _CONTROL_BUT_TAB.search(text)
    if control is not None:
        raise _bad_octet(text, control.start())
    if "\t" not in text:
        return text
    text = text.rstrip("\t ")
    for quoted in _QUOTED.finditer(text):
        if "\t" in quoted[0]:
            raise _bad_octet(text, text.index("\t", quoted.start()))
    return text.replace("\t", " ")


def _bad_octet(text: str, at: int) -> Malformed:
    """Which octet is wrong, counted from 1."""
    position, octets = len(text[:at].encode()) + 1, text[at].encode()
    if len(octets) == 1:
        return Malformed(f"Octet 0x{octets[0]:02X} at position {position} is a control octet")
    return Malformed(f"Octet 0x{octets[0]:02X} at position {position} begins a control character")


def join(verb: str, *words: str) -> bytes:
    """
    The octets of a command, with CRLF.

    Raises:
        ValueError: A word holds CR, LF, NUL or another control character (nothing is ever
            injected).
    """
    line = " ".join([verb, *words])
    if _CONTROL.search(line):
        raise ValueError(f"control character in a command: {line[:100]!r}")
    return line.encode("utf-8") + b"\r\n"
