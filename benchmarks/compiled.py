"""Ours as ``make compiled`` leaves it."""

from __future__ import annotations

from pathlib import Path

SITE = Path(__file__).parents[1] / "build" / "compiled" / "site"

BY_COMPILED = ("env", f"PYTHONPATH={SITE}")
"""Before a command: then it finds that one, and not the clone."""


def needs_compiled() -> str:
    """What is missing."""
    return "" if SITE.is_dir() else "it is not compiled (make compiled)"
