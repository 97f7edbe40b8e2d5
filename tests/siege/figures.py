"""
What a siege has measured: printed when it is over, and, by ``make siege``, put into a page between two marks.
"""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


class Figures:
    """Lines of a table."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str]] = []

    def add(self, what: str, measured: str) -> None:
        """One of them."""
        self._rows.append((what, measured))

    @property
    def text(self) -> str:
        """For a terminal."""
        width = max((len(what) for what, _ in self._rows), default=0)
        return "\n".join(f"{what:<{width}}  {measured}" for what, measured in self._rows)

    def write(self, page: Path, command: str) -> None:
        """
        Into ``page``, in the place of those that stand there.

        Args:
            command: What they come from.
        """
        head, rest = page.read_text().split(BEGIN)
        tail = rest.split(END)[1]
        machine = f"{os.cpu_count()} processors, Linux {platform.release()}, Python {platform.python_version()}"
        rows = "".join(f"| {what} | {measured} |\n" for what, measured in self._rows)
        table = f"| figure | measured value |\n| --- | --- |\n{rows}"
        said = f"\n`{command}` on {datetime.date.today()}, {machine}:\n\n{table}\n"
        page.write_text(head + BEGIN + said + END + tail)
