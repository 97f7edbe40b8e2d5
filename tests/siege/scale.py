"""
How large the siege is: ``make siege`` runs all of it, the ordinary tests a short form.
"""

from __future__ import annotations

import os
import resource
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("TXSMTPX_SIEGE") == "full"


def scale(short: T, full: T) -> T:
    """One of them."""
    return full if FULL else short


def many_files() -> None:
    """Let this process, and those it starts, have as many descriptors as the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
