"""The settings of the backend ``inbox:PATH``."""

from __future__ import annotations

from txsmtpx.setting_kinds import Number, Seconds

MAX_MESSAGES = Number("max_messages", 100_000, "Inbox", "Keep the newest N messages.", "messages", 1)
MAX_OCTETS = Number("max_octets", 10 * 1024**3, "Inbox", "Keep messages of N octets together.", "octets", 1)
MAX_AGE = Seconds("max_age", 0, "Inbox", "Keep a message for this time (0: no limit).")

SETTINGS = (MAX_MESSAGES, MAX_OCTETS, MAX_AGE)
"""All settings."""
