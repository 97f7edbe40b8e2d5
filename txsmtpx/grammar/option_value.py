"""
The values of the parameters of MAIL and RCPT: their types, and what a caller may give.

A `Rule` checks each value of `txsmtpx.MailOptions` and `txsmtpx.RcptOptions`.  The values that a server receives come
from decoders, and are not checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from txsmtpx.grammar import moment, path
from txsmtpx.grammar.malformed import Malformed

Body = Literal["7BIT", "8BITMIME", "BINARYMIME"]
"""The values of BODY (RFC 6152 §2, RFC 3030 §3)."""

Returned = Literal["FULL", "HDRS"]
"""The values of RET (RFC 3461 §4.3)."""

Event = Literal["SUCCESS", "FAILURE", "DELAY"]
"""The values of NOTIFY, but for NEVER (RFC 3461 §4.1)."""

ByMode = Literal["R", "N"]
"""The modes of BY (RFC 2852 §4)."""

SinceAction = Literal["R", "C"]
"""The actions of RRVS (RFC 7293 §3.1)."""

V = TypeVar("V")

_SHOWN = 100
"""Characters of a wrong value that an error shows."""


class DeliverBy(NamedTuple):
    """
    The value of BY (RFC 2852 §4): when the message must be delivered.

    Attributes:
        seconds: Seconds from now.  0 or less if the message is late already.
        mode: The treatment of a late message: "R" returns it, "N" notifies the sender.
        trace: True if each server on the way sends a report.

    Example:
        >>> DeliverBy(3600, "R")
        DeliverBy(seconds=3600, mode='R', trace=False)
    """

    seconds: int
    mode: ByMode
    trace: bool = False


class OriginalRecipient(NamedTuple):
    """
    The value of ORCPT (RFC 3461 §4.2): the recipient as the sender wrote it, for delivery status notifications.

    Attributes:
        type: The address type, such as "rfc822" or "utf-8".  A relay keeps its case (RFC 3461 §5.2.1).
        address: The address, decoded.

    Example:
        >>> OriginalRecipient("rfc822", "ann@example.org")
        OriginalRecipient(type='rfc822', address='ann@example.org')
    """

    type: str
    address: str


class ValidSince(NamedTuple):
    """
    The value of RRVS (RFC 7293 §3.1): since when the mailbox must have had the same owner.

    Attributes:
        since: A moment with a time zone.  If the owner of the mailbox has changed since, the message is not for the new
            owner.
        action: The action of a relay if the next server has no RRVS: "R" rejects the recipient, "C" continues.

    Example:
        >>> from datetime import UTC
        >>> ValidSince(datetime(2030, 1, 31, tzinfo=UTC), "C").action
        'C'
    """

    since: datetime
    action: SinceAction = "R"


@dataclass(frozen=True)
class Rule:
    """
    What a caller may give as the value of one parameter.

    Attributes:
        kind: The type.  A bool is no number.
        accepted: The type and the range in words, for errors.
        fits: Takes a value of that type, and returns True if it can be sent.
    """

    kind: type
    accepted: str
    fits: Callable[[Any], bool]  # of the type of kind

    def checked(self, name: str, value: V) -> V:
        """
        Return a value that can be sent.

        Args:
            name: The class and the argument, for errors.
            value: What the caller gave.

        Returns:
            The value.

        Raises:
            TypeError: The value has the wrong type.
            ValueError: The value has the right type and cannot be sent.

        Example:
            >>> PRIORITY.checked("MailOptions: priority", 12)
            Traceback (most recent call last):
            ValueError: MailOptions: priority must be a whole number from -9 to 9, not 12
        """
        right_type = isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))
        if right_type and self.fits(value):
            return value
        text = repr(value)
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise (ValueError if right_type else TypeError)(f"{name} must be {self.accepted}, not {text}")


def _whole(least: int, most: int, unit: str = "") -> Rule:
    return Rule(int, f"a whole number from {least} to {most}{unit}", lambda value: least <= value <= most)


def _one_of(words: Collection[str]) -> str:
    *others, last = map(repr, words)
    return f"{', '.join(others)} or {last}"


def _word(words: Collection[str]) -> Rule:
    return Rule(str, _one_of(words), lambda value: value in words)


def _is_identity(value: str) -> bool:
    try:
        return not value or bool(path.parse_mailbox(value))
    except Malformed:
        return False


def _has_zone(value: datetime) -> bool:
    try:
        return bool(moment.encode(value))
    except ValueError:
        return False


def _is_time(value: DeliverBy) -> bool:
    seconds, mode, trace = value
    least = 1 if mode == "R" else -MOST_SECONDS  # RFC 2852 §4: with R, zero or less is a syntax error
    whole = isinstance(seconds, int) and not isinstance(seconds, bool)
    return whole and least <= seconds <= MOST_SECONDS and mode in get_args(ByMode) and isinstance(trace, bool)


def _is_since(value: ValidSince) -> bool:
    return isinstance(value.since, datetime) and _has_zone(value.since) and value.action in get_args(SinceAction)


MOST_SECONDS = 10**9 - 1
"""The largest value of BY and of HOLDFOR in seconds, which have nine digits (RFC 2852 §4, RFC 4865 §3)."""

SIZE = _whole(0, 10**20 - 1, " (octets)")  # RFC 1870 §4: 20 digits
BODY = _word(get_args(Body))
FLAG = Rule(bool, "True or False", lambda value: True)
AUTH = Rule(str, "an address, or '' for an unknown identity", _is_identity)
RET = _word(get_args(Returned))
ENVID = Rule(
    str,
    "1 to 100 printable characters of ASCII",
    lambda value: 0 < len(value) <= 100 and value.isascii() and value.isprintable(),
)
DELIVER_BY = Rule(
    DeliverBy,
    f"a DeliverBy of 1 to {MOST_SECONDS} seconds with 'R', or of {-MOST_SECONDS} to {MOST_SECONDS} seconds with 'N'",
    _is_time,
)
PRIORITY = _whole(-9, 9)
HOLD_FOR = _whole(1, MOST_SECONDS, " (seconds)")
HOLD_UNTIL = Rule(datetime, "a datetime with a time zone, whose year in UTC is from 1 to 9999", _has_zone)
NOTIFY = Rule(
    Collection,
    f"a list of {_one_of(get_args(Event))}, or [] for NEVER",
    lambda value: not isinstance(value, str | bytes) and all(each in get_args(Event) for each in value),
)
ORCPT = Rule(
    OriginalRecipient,
    "an OriginalRecipient with the texts type and address, none of them empty",
    lambda value: all(isinstance(each, str) and each for each in value),
)
VALID_SINCE = Rule(
    ValidSince,
    "a ValidSince of a datetime with a time zone, and 'R' or 'C'",
    _is_since,
)
