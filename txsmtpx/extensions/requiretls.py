"""REQUIRETLS (RFC 8689): a message that each server passes on over verified TLS, or not at all."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import replies
from txsmtpx.grammar.esmtp_parameter import Parameter, no_value
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply


def _announce(dialog: ServerDialog) -> str | None:
    return "" if dialog.connection.tls is not None else None  # §2: it is advertised within TLS only


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Reject the parameter on a connection without TLS, where it is not advertised."""
    return replies.unknown_parameter_555("REQUIRETLS") if options.requiretls and dialog.connection.tls is None else None


REQUIRETLS = Extension(
    "REQUIRETLS",
    "RFC 8689",
    announce=_announce,
    mail=(Parameter("REQUIRETLS", "requiretls", no_value, lambda wanted: None, "REQUIRETLS"),),
    check_mail=_check,
    wanted=lambda options: getattr(options, "requiretls", False),
    within_tls=True,
    needs_backend=True,
)
