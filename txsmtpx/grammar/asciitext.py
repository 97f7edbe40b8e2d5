"""
Text that is compared in ASCII: verbs, keywords and parameter values (RFC 5321 §2.4).

The methods of `str` do more. `upper` and `lower` turn some other letters into ASCII: U+017F becomes S, U+212A becomes
k. `split` and `strip` without an argument take the white space of all scripts, `isdecimal` and `int` the digits of all.
"""

from __future__ import annotations

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {capital: small for small, capital in _UPPER.items()}


def upper(text: str) -> str:
    """
    Return `text` with a to z in upper case; all other characters stay as they are.

    Args:
        text: of any length and script.

    Example:
        >>> upper("la\\u017ft")
        'LA\u017fT'
    """
    return text.upper() if text.isascii() else text.translate(_UPPER)


def lower(text: str) -> str:
    """
    Return `text` with A to Z in lower case; all other characters stay as they are.

    Args:
        text: of any length and script.

    Example:
        >>> lower("B\\u00dcCHER")
        'b\u00dccher'
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


def words(text: str) -> list[str]:
    """
    Return the words of `text`, which spaces and tabs separate.

    Example:
        >>> words("SIZE=1  BODY=7BIT")
        ['SIZE=1', 'BODY=7BIT']
    """
    return [word for word in text.replace("\t", " ").split(" ") if word]


def is_number(text: str) -> bool:
    """
    Return whether `text` is one or more of the digits 0 to 9.

    Example:
        >>> is_number("25"), is_number("\\u0662\\u0665")
        (True, False)
    """
    return text.isascii() and text.isdecimal()
