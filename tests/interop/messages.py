"""What is sent: a message with everything in it that is easily damaged on the way."""

from __future__ import annotations

# RFC 5321 §4.5.3.1.6: longer lines are the sender's own risk, and relays may break them.
LONGEST_LINE = 998

_LINES = [
    ".a dot in front",
    "..two dots in front",
    ".",
    "..",
    "",
    "From the beginning of a line",
    "Grüße, 你好, 8 bits",
    "spaces at the end   ",
    "\ta tab in front",
    "x" * LONGEST_LINE,
    "." * LONGEST_LINE,
    "",
    "",
]


def message(recipient: str) -> bytes:
    """The message, with all headers that anybody might add."""
    lines = [
        "From: sender@client.test",
        f"To: {recipient}",
        "Date: Mon, 23 Nov 2026 12:00:00 +0000",
        f"Message-ID: <to-{recipient}>",
        "Subject: Hello",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *_LINES,
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()
