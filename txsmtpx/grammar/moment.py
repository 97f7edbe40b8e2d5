"""
Moments: the date-time of RFC 3339 §5.6, as parameters of RFC 4865 and RFC 7293 have it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.malformed import Malformed

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def decode(text: str | None) -> datetime:
    """
    An aware datetime.

    Raises:
        Malformed: It is no date-time with a zone.
    """
    if text is None or _DATE_TIME.fullmatch(text) is None:
        raise Malformed("takes a date and time such as 2030-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(asciitext.upper(text))
    except ValueError:
        raise Malformed("no such date, time or offset") from None


def encode(moment: datetime) -> str:
    """
    ``moment`` in UTC; fractions of a second only where there are any.

    Raises:
        ValueError: It has no zone, or is beyond the years that can be written.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment has a time zone")
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError as error:
        raise ValueError("no such year in UTC") from error
