"""
draft-hall-prdr: a reply for each recipient after the data, as LMTP has them, and one for all at the end.

The replies are the dialog's work (`txsmtpx.dialog.delivery`, `txsmtpx.dialog.sending`).
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import replies
from txsmtpx.grammar.options import MailOptions, Parameter, no_value
from txsmtpx.grammar.reply import Reply


def _announce(dialog: ServerDialog) -> str | None:
    return None if dialog.settings.lmtp else ""  # which has it anyway


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Not announced, as in LMTP, is not accepted."""
    return replies.unknown_parameter_555("PRDR") if options.prdr and dialog.settings.lmtp else None


PRDR = Extension(
    "PRDR",
    "draft-hall-prdr",
    announce=_announce,
    mail=(Parameter("PRDR", "prdr", no_value, lambda wanted: None, "PRDR"),),
    check_mail=_check,
)
