"""
The values of header fields, as they are in a message and as a milter sees them.

A milter sees LF as the line end of a fold, where a message has CRLF.  Unless `Steps.LEADING_SPACE` was agreed, it does
not see one space behind the colon, and the server adds that space to the values that it gets.
"""

from __future__ import annotations

import re

from txsmtpx.filters.milter.packet import MAX_DATA

_LINE_END = re.compile(rb"\r*\n")


def shown(name: bytes, raw: bytes, leading_space: bool) -> bytes:
    r"""
    Return the value of a field for a milter.

    Args:
        name: The name of the field.
        raw: The octets behind the colon.
        leading_space: True if `Steps.LEADING_SPACE` was agreed.

    Returns:
        The value, cut to the octets that a packet can hold.

    Example:
        >>> shown(b"Subject", b" one\r\n two", False)
        b'one\n two'
    """
    value = raw.replace(b"\r\n", b"\n")
    if not leading_space:
        value = value.removeprefix(b" ")
    return value[: MAX_DATA - len(name) - 2]


def written(value: bytes, leading_space: bool) -> bytes:
    r"""
    Return the value that a milter has sent as the octets behind a colon.

    Args:
        value: The value.
        leading_space: True if `Steps.LEADING_SPACE` was agreed.

    Returns:
        The octets.  Line ends at the end are removed.

    Example:
        >>> written(b"one\n\ttwo", False)
        b' one\r\n\ttwo'
    """
    raw = _LINE_END.sub(b"\r\n", value.rstrip(b"\r\n"))
    return raw if leading_space else b" " + raw
