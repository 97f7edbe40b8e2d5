"""
PRDR (draft-hall-prdr): after the data, the server sends a reply for each recipient, then one for the message.

The dialog sends and reads these replies.
"""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import replies
from txsmtpx.grammar.esmtp_parameter import Parameter, no_value
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply


def _announce(dialog: ServerDialog) -> str | None:
    return None if dialog.settings.lmtp else ""  # LMTP has such replies anyway


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Reject the parameter under LMTP, where it is not advertised."""
    return replies.unknown_parameter_555("PRDR") if options.prdr and dialog.settings.lmtp else None


PRDR = Extension(
    "PRDR",
    "draft-hall-prdr",
    announce=_announce,
    mail=(Parameter("PRDR", "prdr", no_value, lambda wanted: None, "PRDR"),),
    check_mail=_check,
)
