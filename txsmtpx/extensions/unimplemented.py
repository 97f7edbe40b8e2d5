"""Commands of other RFCs that the server does not implement: 502, not 500, since they exist (RFC 5321 §4.2.4)."""

from __future__ import annotations

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.state import ANY
from txsmtpx.grammar import replies
from txsmtpx.grammar.reply import Reply


def _not_implemented(dialog: ServerDialog, argument: str) -> Reply:
    return replies.NOT_OFFERED_502


UNIMPLEMENTED = Extension(
    "",
    "RFC 1985, RFC 2645, RFC 4468",
    verbs=tuple(Verb(name, _not_implemented, name, ANY) for name in ("ETRN", "ATRN", "BURL", "TURN")),
)
