"""SASLprep (RFC 4013): the one form of a name or password that can be typed in several."""

from __future__ import annotations

import stringprep
import unicodedata

MAX_LENGTH = 255
"""
Characters of a name or password that is not printable ASCII, before and after normalization.

RFC 4616 §2 asks for 255 octets at least.  Each character is looked up in 13 tables, and normalization makes 18
characters of U+FDFA: 9,000 octets of it kept the server busy for 74 ms.
"""

_PROHIBITED = (
    stringprep.in_table_a1,  # unassigned in Unicode 3.2: the strict reading of §2.5, which also suits stored strings
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """
    Prepare a name or password (§2).

    Args:
        text: The text as it was typed.

    Returns:
        The prepared form.

    Raises:
        ValueError: The text holds a prohibited character, or is longer than `MAX_LENGTH`.  The error does not repeat
            the text, which may be a password.
    """
    if text.isascii() and text.isprintable():
        return text
    if len(text) > MAX_LENGTH:
        raise ValueError("a name or password is too long")
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each for each in text if not stringprep.in_table_b1(each)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if len(prepared) > MAX_LENGTH:
        raise ValueError("a name or password is too long")
    if any(prohibited(each) for each in prepared for prohibited in _PROHIBITED):
        raise ValueError("a character that no name or password may hold")
    if any(map(stringprep.in_table_d1, prepared)):  # RFC 3454 §6: right-to-left throughout, or not at all
        ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends or any(map(stringprep.in_table_d2, prepared)):
            raise ValueError("right-to-left and left-to-right are mixed")
    return prepared
