"""8BITMIME (RFC 6152): bodies with octets above 127."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import asciitext, replies
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply


def _decode(text: str | None) -> str:
    body = asciitext.upper(text or "")
    if body not in ("7BIT", "8BITMIME", "BINARYMIME"):
        raise Malformed("7BIT, 8BITMIME or BINARYMIME")
    return body


def _check(dialog: ServerDialog, options: MailOptions) -> Reply | None:
    """Reject BODY=BINARYMIME if BINARYMIME, an extension of its own (RFC 3030 §3), is not offered."""
    if options.body == "BINARYMIME" and "BINARYMIME" not in dialog.table.keywords:
        return replies.bad_parameter_501("BODY: BINARYMIME is not offered")
    return None


BODY = Parameter("BODY", "body", _decode, _decode, "BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME")

EIGHTBITMIME = Extension("8BITMIME", "RFC 6152", mail=(BODY,), check_mail=_check)
