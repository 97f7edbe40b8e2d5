"""Messages for clients to send, of the same kinds as those of the load generator."""

from __future__ import annotations

import random

HEADER = (
    b"From: <sender@example.org>\r\nTo: <recipient@example.net>\r\nSubject: A message to measure by\r\n"
    b"Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"
)

BLOCK = 1 << 20


def content(kind: str, size: int) -> bytes:
    """
    A message of ``size`` octets, before its dots are doubled.

    Args:
        kind: "wrapped" for lines of 80 octets, as smtp-source makes them, "prose", or "dots": every line begins
            with one.
    """
    lines = {"wrapped": _wrapped, "prose": _prose, "dots": _dots}[kind]
    block = lines(min(BLOCK, size))
    return (HEADER + block * (size // len(block) + 1))[: size - 2].rstrip(b"\r\n.").ljust(size - 2, b"x") + b"\r\n"


def _wrapped(size: int) -> bytes:
    return b"".join(b"%d%s\r\n" % (n % 10, b"X" * 77) for n in range(size // 80 + 1))


def _dots(size: int) -> bytes:
    return b"".join(b".%s\r\n" % (b"X" * 77) for _ in range(size // 80 + 1))


def _prose(size: int) -> bytes:
    dice = random.Random(1)
    lines: list[bytes] = []
    left = size
    while left > 0:
        words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 10))) for _ in range(10)]
        lines.append(" ".join(words)[: dice.randint(55, 74)].encode() + b"\r\n" + b"\r\n" * (len(lines) % 12 == 11))
        left -= len(lines[-1])
    return b"".join(lines)
