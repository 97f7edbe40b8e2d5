"""
The clients that are measured.  One more is one entry of `CLIENTS`.

Each connects when it starts, then reads numbers from its standard input: so many times it sends the message,
one after the other on one connection, and says "done".  smtp-source cannot, it is started anew each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.build import GO_CLIENT, PEERS, go_smtp
from benchmarks.packages import NODE_MODULES, debian, found, module, needs_built, needs_module, needs_program, node
from benchmarks.program import Program

Command = Callable[[int, Path, int], list[str]]

PYTHON = sys.executable


def _with_arguments(*words: str | Path) -> Command:
    return lambda port, message, recipients: [*map(str, words), str(port), str(message), str(recipients)]


def _python(script: str) -> Command:
    return _with_arguments(PYTHON, PEERS / script)


def _source(port: int, message: Path, recipients: int) -> list[str]:
    size = str(message.stat().st_size)
    once = ["-d", "-s", "1", "-l", size, "-r", str(recipients)]
    return [found("smtp-source") or "smtp-source", *once, "-m", "{messages}", f"127.0.0.1:{port}"]


CLIENTS: tuple[Program, ...] = (
    Program("bare", _python("bare_client.py"), needs_module("twisted"), lambda: module("twisted")),
    Program("txsmtpx", _python("txsmtpx_client.py"), needs_module("txsmtpx"), lambda: module("txsmtpx")),
    Program("go-smtp", _with_arguments(GO_CLIENT), needs_built(GO_CLIENT),
            go_smtp),
    Program("smtp-source", _source, needs_program("smtp-source", "postfix"), lambda: debian("postfix"),
            lasting=False),
    Program("nodemailer", _with_arguments("node", PEERS / "nodemailer_client.js"),
            needs_built(NODE_MODULES / "nodemailer"), lambda: node("nodemailer")),
    Program("twisted.mail", _python("twisted_mail_client.py"), needs_module("twisted"), lambda: module("twisted")),
    Program("aiosmtplib", _python("aiosmtplib_client.py"), needs_module("aiosmtplib"), lambda: module("aiosmtplib")),
    Program("smtplib", _python("smtplib_client.py"), lambda: "", lambda: f"Python {sys.version.split()[0]}"),
)  # fmt: skip
"""The first one is what the others are compared with."""
