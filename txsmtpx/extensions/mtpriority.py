"""MT-PRIORITY (RFC 6710): the priority of a message, from -9 to 9."""

from __future__ import annotations

import re

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed

_PRIORITY = re.compile(r"-?[1-9]|0")


def _decode(text: str | None) -> int:
    if _PRIORITY.fullmatch(text or "") is None:
        raise Malformed("takes a number from -9 to 9")
    return int(text or "")


def _encode(priority: int) -> str:
    _decode(str(priority))
    return str(priority)


def _announce(dialog: ServerDialog) -> str:
    return dialog.settings.priority_profile


MT_PRIORITY = Extension(
    "MT-PRIORITY",
    "RFC 6710",
    announce=_announce,
    mail=(Parameter("MT-PRIORITY", "priority", _decode, _encode, "MT-PRIORITY=-9 to 9"),),
    needs_backend=True,
)
