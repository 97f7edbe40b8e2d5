"""FUTURERELEASE (RFC 4865): the server holds a message until a given time.  It is for submission ports only (§4.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.errors import NotOffered
from txsmtpx.grammar import moment, replies
from txsmtpx.grammar.esmtp_parameter import Parameter, number
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions, Options
from txsmtpx.grammar.reply import Reply

HOLD_TOO_LONG_501 = Reply(501, (5, 5, 4), "Messages are not held for so long here")
"""To MAIL with HOLDFOR or HOLDUNTIL, if the time is longer than `max_hold`."""


class HoldLimits(NamedTuple):
    """
    The limits that a server advertises (§3).

    Attributes:
        seconds: The longest time, in seconds.
        until: The latest time of release.
    """

    seconds: int
    until: datetime


def _positive(text: str | None) -> int:
    seconds = number(9)(text)
    if str(seconds) != text or not seconds:
        raise Malformed("takes a number above 0, without zeros before it")
    return seconds


def _now(dialog: ServerDialog) -> datetime:
    return datetime.fromtimestamp(dialog.settings.now(), UTC)


def _announce(dialog: ServerDialog) -> str:
    seconds = dialog.settings.max_hold
    until = _now(dialog).replace(microsecond=0) + timedelta(seconds=seconds)
    return f"{seconds} {moment.encode(until)}"


def _read(text: str) -> HoldLimits:
    seconds, _, until = text.partition(" ")
    return HoldLimits(_positive(seconds), moment.decode(until))


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """
    Reject a message that cannot be held.

    It has one of the two parameters, within the limits (§4.2).  It is released before it must be delivered (§5.2.2).

    Returns:
        The rejection; None if the message can be held.
    """
    if options.hold_for is not None and options.hold_until is not None:
        return replies.bad_parameter_501("HOLDFOR or HOLDUNTIL, not both")
    seconds = float(options.hold_for or 0)
    if options.hold_until is not None:
        seconds = (options.hold_until - _now(dialog)).total_seconds()
    if options.deliver_by is not None and seconds > max(options.deliver_by.seconds, 0):
        return replies.bad_parameter_501("BY: sooner than the message is released")
    return HOLD_TOO_LONG_501 if seconds > dialog.settings.max_hold else None


def _keep_to(limits: HoldLimits, options: MailOptions) -> None:
    """Refuse a time that the server does not hold (§4.1), or after which BY has passed (§5.2.1)."""
    until, by = options.hold_until, options.deliver_by
    if options.hold_for is not None and until is not None:
        raise ValueError("HOLDFOR or HOLDUNTIL, not both")
    if (options.hold_for or 0) > limits.seconds or (until is not None and until > limits.until):
        raise NotOffered(f"the server holds messages for {limits.seconds} seconds at most (FUTURERELEASE)")
    if by is not None:
        seconds = options.hold_for if until is None else (until - datetime.now(UTC)).total_seconds()
        if seconds is not None and seconds > max(by.seconds, 0):
            raise ValueError("it is to be delivered (BY) before it is released")


def _wanted(options: Options) -> bool:
    return bool(getattr(options, "hold_for", None) or getattr(options, "hold_until", None))


FUTURERELEASE = Extension(
    "FUTURERELEASE",
    "RFC 4865",
    announce=_announce,
    read=_read,
    mail=(
        Parameter("HOLDFOR", "hold_for", _positive, lambda seconds: str(_positive(str(seconds))), "HOLDFOR=seconds"),
        Parameter("HOLDUNTIL", "hold_until", moment.decode, moment.encode, "HOLDUNTIL=date-time"),
    ),
    check_mail=_check,
    wanted=_wanted,
    keep_to=_keep_to,
    needs_backend=True,
)
