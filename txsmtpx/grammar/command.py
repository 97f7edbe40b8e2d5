"""
Command lines: RFC 5321 §4.1.1, a verb and what follows it.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

MAX_SHORT_LINE = 512
"""Octets that every server takes (RFC 5321 §4.5.3.1.4)."""

MAX_LINE = 2000
"""Octets of a command line with its line end: generous beside RFC 5321 §4.5.3.1.4 (512), for its parameters."""

MAX_AUTH_LINE = 12288
"""Octets of a line within an AUTH exchange with its line end (RFC 4954 §4)."""


def split(line: bytes) -> tuple[str, str]:
    """
    A command line, without its line end, as (VERB, argument).

    The verb is upper case, the argument without white space around it.  UTF-8 passes here (RFC 6531
    §3.3); whether an address may hold it is said elsewhere.

    @raise ValueError: a control octet, or what is not UTF-8.  A CR is one of them: what follows it is
        not another command.
    """
    text = line.decode("utf-8")  # UnicodeDecodeError is a ValueError
    if not text.isprintable() and _CONTROL.search(text):
        raise ValueError("control octet in a command line")
    verb, _, argument = text.partition(" ")
    return verb.upper() if verb.isascii() else verb, argument.strip(" ")  # "\u017f".upper() is an S


def join(verb: str, *words: str) -> bytes:
    """
    The octets of a command, with CRLF.

    @raise ValueError: a word holds CR, LF, NUL or another control character (nothing is ever
        injected).
    """
    line = " ".join([verb, *words])
    if _CONTROL.search(line):
        raise ValueError(f"control character in a command: {line[:100]!r}")
    return line.encode("utf-8") + b"\r\n"
