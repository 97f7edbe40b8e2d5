"""
RFC 9422: LIMITS, how much a server takes before it says no.

What it says is kept to by `txsmtpx.dialog.limits` on the client; the server says no in MAIL and RCPT.
"""

from __future__ import annotations

import re

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import asciitext

_LIMIT = re.compile(r"[A-Za-z0-9_-]+(=[!-:<-~]+)?")

HIGHEST = 999999
"""A limit has at most six digits (§4); what is higher is as good as none."""


def _announce(dialog: ServerDialog) -> str | None:
    settings = dialog.settings
    limits = {
        "MAILMAX": settings.max_transactions,
        "RCPTMAX": settings.max_recipients,
        "RCPTDOMAINMAX": settings.max_recipient_domains,
    }
    return " ".join(f"{name}={limit}" for name, limit in limits.items() if 0 < limit <= HIGHEST) or None


def _read(text: str) -> dict[str, int]:
    """
    The limits that have a number of at most six digits, not zero (§4); the others are not for us (§3.7).

    Raises:
        ValueError: It is no list of limits, and none of it counts.
    """
    if not all(map(_LIMIT.fullmatch, text.split(" "))):
        raise ValueError("takes limits, which may have values")
    pairs = (word.partition("=") for word in asciitext.words(text))
    return {
        asciitext.upper(name): int(value)
        for name, _, value in pairs
        if asciitext.is_number(value) and value[0] != "0" and int(value) <= HIGHEST
    }


LIMITS = Extension("LIMITS", "RFC 9422", announce=_announce, read=_read, lists=True)
