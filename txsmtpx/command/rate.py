"""Rates as operators write them: ``100 messages per hour per host``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from txsmtpx.command import quantity

FORM = "100 messages per hour per host"
"""An example of a rate."""

_RATE = re.compile(r"([0-9]{1,9}) +(message|recipient)s?(?: +per +| +an? +| */ *)(\S+) +per +(\S+)", re.ASCII)
_PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}

Unit = Literal["messages", "recipients"]
By = Literal["host", "login", "address"]
_BY: dict[str, By] = {"host": "host", "login": "login", "sender": "address"}


@dataclass(frozen=True)
class Rate:
    """
    A rate, as `txsmtpx.LimitBackend` takes it.

    Attributes:
        text: The rate as the operator wrote it.
        number: The most messages or recipients.
        of: The unit: "messages" or "recipients".
        seconds: The period.
        by: The key: the client ("host"), the user ("login") or the sender ("address").
    """

    text: str
    number: int
    of: Unit
    seconds: float
    by: By


def rate(text: str) -> Rate:
    """
    Parse a rate.

    Args:
        text: A number, "messages" or "recipients", "per" and a period, "per" and "host", "login" or "sender".  A period
            is second, minute, hour or day, or a time such as 10m.

    Returns:
        The rate.

    Raises:
        ValueError: It is no rate.

    Example:
        >>> rate("1000 recipients per day per login").seconds
        86400.0
    """
    match = _RATE.fullmatch(text.strip(" "))
    if match is None:
        raise ValueError(f"must be a rate, such as {FORM!r} or '1000 recipients per 10m per login', not {text!r}")
    number, unit, period, by = match.groups()
    if by not in _BY:
        raise ValueError(f"counts per host, login or sender, not per {by!r}: {text!r}")
    try:
        seconds = _PERIODS[period] if period in _PERIODS else quantity.time(period)
    except ValueError:
        raise ValueError(f"has no period {period!r}; write second, minute, hour, day or a time such as 10m") from None
    if not int(number) or not seconds:
        raise ValueError(f"must be more than 0, in more than 0 seconds, not {text!r}")
    return Rate(text, int(number), cast(Unit, f"{unit}s"), seconds, _BY[by])
