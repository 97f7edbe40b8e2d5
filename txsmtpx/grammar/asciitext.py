"""
Text that is compared in ASCII: verbs, keywords and parameter values (RFC 5321 §2.4).

The methods of ``str`` work on all scripts.  ``upper`` turns U+017F into S, and ``lower`` turns U+212A into k.  Without
an argument, ``split`` and ``strip`` remove the white space of all scripts.  ``isdecimal`` and ``int`` accept the digits
of all scripts.  The functions of this module know ASCII only.
"""

from __future__ import annotations

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {capital: small for small, capital in _UPPER.items()}


def upper(text: str) -> str:
    r"""
    Return a text with a to z in upper case.

    Args:
        text: Any text, of any length.

    Returns:
        The text.  All characters but a to z are unchanged.

    Example:
        >>> upper("la\u017ft") == "LA\u017fT"
        True
    """
    return text.upper() if text.isascii() else text.translate(_UPPER)


def lower(text: str) -> str:
    r"""
    Return a text with A to Z in lower case.

    Args:
        text: Any text, of any length.

    Returns:
        The text.  All characters but A to Z are unchanged.

    Example:
        >>> lower("BÜCHER")
        'bÜcher'
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


def words(text: str) -> list[str]:
    """
    Split a text at its spaces and tabs.

    Args:
        text: Any text.

    Returns:
        The words, none of them empty.

    Example:
        >>> words("SIZE=1  BODY=7BIT")
        ['SIZE=1', 'BODY=7BIT']
    """
    return [word for word in text.replace("\t", " ").split(" ") if word]


def is_number(text: str) -> bool:
    r"""
    Tell whether a text is a decimal number in ASCII.

    Args:
        text: Any text.

    Returns:
        True if the text is one or more of the digits 0 to 9, and nothing else.

    Example:
        >>> is_number("25"), is_number("\u0662\u0665")
        (True, False)
    """
    return text.isascii() and text.isdecimal()
