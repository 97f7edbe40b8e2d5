"""
Verbs that have an RFC and are not served here: 502, a known command, rather than 500 (RFC 5321 §4.2.4).
"""

from __future__ import annotations

from typing import Any

from txsmtpx.dialog.extension import Extension, Verb
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.dialog.state import ANY
from txsmtpx.grammar import replies


def _never(dialog: ServerDialog, argument: str) -> Any:
    return replies.NOT_OFFERED_502


UNSERVED = Extension(
    "",
    "RFC 1985, RFC 2645, RFC 4468",
    verbs=tuple(Verb(name, _never, name, ANY) for name in ("ETRN", "ATRN", "BURL", "TURN")),
)
