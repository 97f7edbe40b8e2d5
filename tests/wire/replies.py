"""What a client in a test looks at first."""

from __future__ import annotations

import re


def codes(lines: list[str]) -> list[str]:
    """The numbers that begin the last line of each reply."""
    return [match[1] for line in lines if (match := re.match(r"(\d{3})(?: |$)", line))]
