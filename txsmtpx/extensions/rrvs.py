"""RRVS (RFC 7293): a recipient is valid only if the mailbox has not changed its owner since a given time."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.grammar import asciitext, moment
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.option_value import ValidSince


def _decode(text: str | None) -> ValidSince:
    when, semicolon, action = (text or "").partition(";")
    action = asciitext.upper(action) if semicolon else "R"
    if action not in ("C", "R"):
        raise Malformed("behind the date and time stands C or R")
    if "." in when:
        raise Malformed("takes no fraction of a second")
    return ValidSince(moment.decode(when), "C" if action == "C" else "R")


def _encode(valid: ValidSince) -> str:
    """Encode the parameter.  §3.1 has no fractions of a second, so the time is rounded down, to the stricter side."""
    if valid.action not in ("C", "R"):
        raise ValueError("the action is C or R")
    return f"{moment.encode(valid.since.replace(microsecond=0))};{valid.action}"


def _wanted(options: object) -> bool:
    valid = getattr(options, "valid_since", None)
    return valid is not None and valid.action == "R"


RRVS = Extension(
    "RRVS",
    "RFC 7293",
    rcpt=(Parameter("RRVS", "valid_since", _decode, _encode, "RRVS=date-time, with ;C or ;R"),),
    wanted=_wanted,
    needs_backend=True,
)
