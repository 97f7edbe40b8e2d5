"""Sizes and times as operators write them: ``10M``, ``512k``, ``30s``, ``5m``."""

from __future__ import annotations

import re

from txsmtpx.grammar import asciitext

_SIZE = re.compile(r"([0-9]{1,30})(?:([kmg])(?:i?b)?)?", re.ASCII)
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
"""
The units of sizes, powers of 1024 also with a B: Dovecot, Exim and nginx read 10M like that, and Dovecot 10MB too.
"""

_TIME = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(?:(e[+-]?[0-9]+)|(ms|s|m|h|d))?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

MOST_DAYS = 36_500
"""The longest time, about a century: the timers of an operating system overflow somewhere above."""

SIZES = "such as 10M, 512k or 1000000"
"""Examples of sizes for an error."""

TIMES = f"such as 30s, 5m or 1.5 (up to {MOST_DAYS}d)"
"""Examples of times for an error."""


def size(text: str) -> int:
    """
    Parse a size.

    Args:
        text: Octets; or a number with k, M or G, and B or iB after that, for powers of 1024.  Case does not count.

    Returns:
        Octets.

    Raises:
        ValueError: It is no size.

    Example:
        >>> size("10M"), size("512kB"), size("1000000")
        (10485760, 524288, 1000000)
    """
    match = _SIZE.fullmatch(asciitext.lower(text))
    if match is None:
        raise ValueError(f"must be a number of octets, {SIZES}, not {text!r}")
    return int(match[1]) * _UNITS.get(match[2], 1)


def shown_size(value: int) -> str:
    """
    Return a size with the largest unit in which it is a whole number.

    Args:
        value: Octets.

    Returns:
        A text that `size` parses.

    Example:
        >>> shown_size(33554432), shown_size(1000), shown_size(0)
        ('32M', '1000', '0')
    """
    for unit in ("G", "M", "k"):
        whole, rest = divmod(value, _UNITS[asciitext.lower(unit)])
        if whole and not rest:
            return f"{whole}{unit}"
    return str(value)


def time(text: str) -> float:
    """
    Parse a time.

    Args:
        text: Seconds, with a fraction if need be; or a number with ms, s, m (minutes), h or d.

    Returns:
        Seconds.

    Raises:
        ValueError: It is no time, or longer than `MOST_DAYS`.

    Example:
        >>> time("5m"), time("250ms"), time("1.5")
        (300.0, 0.25, 1.5)
    """
    match = _TIME.fullmatch(text)
    if match is not None:
        found = float(match[1] + (match[2] or "")) * _SECONDS.get(match[3], 1.0)
        if found <= MOST_DAYS * _SECONDS["d"]:
            return found
    raise ValueError(f"must be a number of seconds, {TIMES}, not {text!r}")


def shown_time(value: float) -> str:
    """
    Return a time with the largest unit in which it is a whole number.

    Args:
        value: Seconds.

    Returns:
        A text that `time` parses.

    Example:
        >>> shown_time(300), shown_time(90), shown_time(1.5), shown_time(0)
        ('5m', '90s', '1.5s', '0')
    """
    for unit in ("d", "h", "m"):
        whole, rest = divmod(value, _SECONDS[unit])
        if whole and not rest:
            return f"{whole:g}{unit}"
    return f"{value:g}s" if value else "0"
