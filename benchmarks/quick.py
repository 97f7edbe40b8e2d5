"""What shows in under two minutes whether a change costs: a few ratios, and instructions."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import instructions
from benchmarks.instructions import count

CASES = ("small", "recipients", "body", "client-small", "client-body")
PROGRAMS = ("txsmtpx", "twisted.mail", "aiosmtpd", "smtplib")
ROUNDS = 3
SECONDS = 0.2


def counted() -> Iterator[str]:
    """Lines of text: instructions of each command."""
    if missing := instructions.missing():
        yield f"Instructions: not counted, {missing}"
        return
    yield "Instructions, in memory and without a reactor:"
    for name, number in count():
        yield f"  {name:<30} {number:>12,.0f}"
