"""DELIVERBY (RFC 2852): a time by which a message must be delivered."""

from __future__ import annotations

import re

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.errors import NotOffered
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.esmtp_parameter import Parameter, number
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.grammar.options import MailOptions, Options
from txsmtpx.grammar.reply import Reply

TOO_SOON_555 = Reply(555, (5, 4, 7), "Delivery within that time is not possible")
"""To MAIL with BY, if the time is shorter than the server allows, or has passed on the way."""

LONGEST_AGO = -999_999_999
"""The smallest value of BY in seconds: it has nine digits (§4)."""

_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)", re.ASCII | re.IGNORECASE)


def _decode(text: str | None) -> DeliverBy:
    match = _BY.fullmatch(text or "")
    if match is None:
        raise Malformed("takes seconds; R or N, perhaps T")
    by = DeliverBy(int(match[1]), "R" if asciitext.upper(match[2]) == "R" else "N", bool(match[3]))
    if by.mode == "R" and by.seconds <= 0:
        raise Malformed("with R there is time left")  # §4: with R, zero or less is a syntax error
    return by


def _encode(by: DeliverBy) -> str:
    text = f"{by.seconds};{by.mode}{'T' * by.trace}"
    _decode(text)
    return text


def _announce(dialog: ServerDialog) -> str:
    least = dialog.settings.deliver_by_minimum
    return str(least) if least else ""


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Reject a message that would be returned because it cannot be delivered in time (§3)."""
    by, least = options.deliver_by, dialog.settings.deliver_by_minimum
    return TOO_SOON_555 if by is not None and by.mode == "R" and by.seconds < least else None


def _read(text: str) -> int:
    """Return the minimum in seconds, 0 for none (§2).  Options behind a comma are ignored: none is defined yet."""
    least = text.partition(",")[0]
    return number(9)(least) if least else 0


def _keep_to(least: int, options: MailOptions) -> None:
    """Refuse a time below the minimum of the server (§4.1.4.1)."""
    by = options.deliver_by
    if by is not None and by.mode == "R" and by.seconds < least:
        raise NotOffered(f"the server needs {least} seconds to deliver (DELIVERBY)")


def _wanted(options: Options) -> bool:
    by = getattr(options, "deliver_by", None)
    return by is not None and by.mode == "R"


DELIVERBY = Extension(
    "DELIVERBY",
    "RFC 2852",
    announce=_announce,
    read=_read,
    mail=(Parameter("BY", "deliver_by", _decode, _encode, "BY=seconds;R or BY=seconds;N, with T to trace"),),
    check_mail=_check,
    wanted=_wanted,
    keep_to=_keep_to,
    needs_backend=True,
)
