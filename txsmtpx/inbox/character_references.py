"""
Character references of HTML, such as ``&amp;`` and ``&#65;`` (HTML Living Standard §13.2.5.72).

`html.unescape` raises ValueError for a number of more than 4,300 digits, and its time grows with the square of the
number of digits.  So each number is shortened to its significant digits before `html.unescape` reads it.
"""

from __future__ import annotations

import html
import re

_LONG_NUMBER = re.compile(r"&#(?:([0-9]{8,})|[xX]([0-9a-fA-F]{8,}));?")


def unescape(text: str) -> str:
    """
    Replace the character references in a text.

    Args:
        text: HTML without tags, of any length.

    Returns:
        The text.  A number beyond U+10FFFF becomes U+FFFD, as in browsers.

    Example:
        >>> unescape("1 &lt; 2")
        '1 < 2'
    """
    return html.unescape(_LONG_NUMBER.sub(_short, text))


def _short(found: re.Match[str]) -> str:
    sign, digits = ("", found[1]) if found[1] else ("x", found[2])
    digits = digits.lstrip("0")
    return f"&#{sign}{digits or '0'};" if len(digits) < 8 else "\ufffd"
