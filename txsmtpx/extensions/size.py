"""SIZE (RFC 1870): the largest message that the server accepts, and the size of a message, in octets."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import replies
from txsmtpx.grammar.esmtp_parameter import Parameter, number
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply

_octets = number(20)


def _announce(dialog: ServerDialog) -> str:
    return str(dialog.settings.max_message_bytes)  # §3: 0 means no fixed maximum


def _read(text: str) -> int:
    """Return the largest size that the server accepts; 0 if it advertises none."""
    return _octets(text) if text else 0


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    limit = dialog.settings.max_message_bytes
    return replies.TOO_BIG_552 if limit and options.size is not None and options.size > limit else None


SIZE = Extension(
    "SIZE",
    "RFC 1870",
    announce=_announce,
    read=_read,
    mail=(Parameter("SIZE", "size", _octets, lambda octets: str(_octets(str(octets))), "SIZE=octets"),),
    check_mail=_check,
)
