"""The environment of the templates of pages, and the texts of sizes and times in them."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def size_text(octets: int) -> str:
    """
    Format a size.

    Args:
        octets: The size, in octets.

    Returns:
        The size in B, KB (1000 octets) or MB, with two or three digits.

    Example:
        >>> size_text(4711)
        '4.7 KB'
    """
    if octets < 1000:
        return f"{octets} B"
    size, unit = octets / 1000, "KB"
    if size >= 999.5:
        size, unit = size / 1000, "MB"
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"


def moment_text(iso: str) -> str:
    """
    Format a time, for browsers without JavaScript.  With JavaScript, the page shows the age instead.

    Args:
        iso: The time, in ISO 8601 and UTC.

    Returns:
        The date, the hour and the minute.

    Example:
        >>> moment_text("2026-06-15T15:06:40.250+00:00")
        '2026-06-15 15:06 UTC'
    """
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


@cache
def page_environment(package: str) -> Environment:
    """
    Return the environment of the templates of a package.

    All sites of a process share it, so that each template is compiled once.

    Args:
        package: The name of the package, which has the directory ``templates``.

    Returns:
        The environment.  It escapes every value, and raises an exception for undefined ones.
    """
    made = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"size": size_text, "moment": moment_text}
    return made
