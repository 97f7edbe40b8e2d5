"""Moments: the date-time of RFC 3339 §5.6, which parameters of RFC 4865 and RFC 7293 use."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from txsmtpx.grammar import asciitext
from txsmtpx.grammar.malformed import Malformed

# RFC 3339 §5.6: T and Z may be lower case, and the offset is required.  Python's fromisoformat accepts more forms, such
# as weeks, so the form is checked first.
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def decode(text: str | None) -> datetime:
    """
    Parse a date-time.

    Args:
        text: The value of a parameter; None if the parameter has no value.

    Returns:
        The moment, with its time zone.

    Raises:
        Malformed: The text is not a date-time with a time zone.

    Example:
        >>> decode("2030-01-31T12:00:00Z")
        datetime.datetime(2030, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    """
    if text is None or _DATE_TIME.fullmatch(text) is None:
        raise Malformed("takes a date and time such as 2030-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(asciitext.upper(text))
    except ValueError:
        raise Malformed("no such date, time or offset") from None


def encode(moment: datetime) -> str:
    """
    Return a moment as a date-time in UTC; the inverse of `decode`.

    Args:
        moment: A moment with a time zone.

    Returns:
        The date-time.  It has fractions of a second only if they are not zero.

    Raises:
        ValueError: The moment has no time zone, or in UTC its year is not in 1 to 9999.

    Example:
        >>> encode(datetime(2030, 1, 31, 12, tzinfo=UTC))
        '2030-01-31T12:00:00Z'
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone: make the datetime with tzinfo=UTC or another time zone")
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError as error:
        raise ValueError(f"in UTC the year of {moment} is not from 1 to 9999") from error
