"""
LIMITS (RFC 9422): the numbers of transactions, recipients and domains that a server accepts.

The client keeps to the limits, and the server rejects MAIL and RCPT beyond them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.server import ServerDialog
from txsmtpx.grammar import asciitext

_LIMIT = re.compile(r"[A-Za-z0-9_-]+(=[!-:<-~]+)?")

HIGHEST = 999999
"""A limit has at most six digits (§4).  A higher one is not advertised."""


def _announce(dialog: ServerDialog) -> str | None:
    settings = dialog.settings
    return _values(settings.max_transactions, settings.max_recipients, settings.max_recipient_domains)


@lru_cache(maxsize=100)  # servers with the same limits share them
def _values(transactions: int, recipients: int, domains: int) -> str | None:
    limits = {"MAILMAX": transactions, "RCPTMAX": recipients, "RCPTDOMAINMAX": domains}
    return " ".join(f"{name}={limit}" for name, limit in limits.items() if 0 < limit <= HIGHEST) or None


def _read(text: str) -> dict[str, int]:
    """
    Return the limits whose value is a number of one to six digits, not 0 (§4).  Others are ignored (§3.7).

    Returns:
        The limits by name, in upper case.

    Raises:
        ValueError: The text is not a list of limits.  Then none of it counts.
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
