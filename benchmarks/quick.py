"""``python -m benchmarks quick``: what shows in under two minutes whether a change costs."""

from __future__ import annotations

from typing import Any

ARGUMENTS: dict[str, Any] = {
    "words": ["small", "recipients", "body", "client-small", "client-body", "instructions"],
    "programs": ["txsmtpx", "twisted.mail", "aiosmtpd", "smtplib"],
    "rounds": 3,
    "seconds": 0.2,
}
"""What it stands for."""
