"""
RFC 9422: LIMITS, how much a server takes before it says no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.extensions.extension import Extension

if TYPE_CHECKING:
    from txsmtpx.dialog.server import ServerDialog


def _announce(dialog: ServerDialog) -> str | None:
    limit = dialog.settings.max_recipients
    return f"RCPTMAX={limit}" if limit else None


def _read(text: str) -> dict[str, int]:
    """The limits that have a number of at most six digits, not zero (§4); the others are not for us."""
    pairs = (word.partition("=") for word in text.split())
    return {name.upper(): int(value) for name, _, value in pairs if value.isdecimal() and 0 < int(value) < 1000000}


LIMITS = Extension("LIMITS", "RFC 9422", announce=_announce, read=_read)
