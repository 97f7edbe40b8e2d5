"""The servers that are measured.  One more is one entry of `SERVERS`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.build import GO_SERVER, PEERS, go_smtp
from benchmarks.packages import (
    NODE_MODULES,
    debian,
    found,
    module,
    needs_built,
    needs_module,
    needs_program,
    node,
    unpacked,
)
from benchmarks.program import Program
from tests.interop.peers import OPENSMTPD_ROOT, unusable

Command = Callable[[int, Path | None], list[str]]

PYTHON = sys.executable


def smtpx(*options: str, reactor: str = "") -> Command:
    """``twistd smtpx``."""
    twistd = [str(Path(PYTHON).with_name("twistd")), *(["--reactor", reactor] if reactor else [])]

    def command(port: int, pem: Path | None) -> list[str]:
        kind = f"ssl:{port}:privateKey={pem}:certKey={pem}" if pem else f"tcp:{port}"
        endpoint = f"{kind}:interface=127.0.0.1:backlog=1000"
        return [*twistd, "-n", "--pidfile=", "smtpx", "--domain", "localhost", "--port", endpoint, *options]

    return command


def _with_port(*words: str | Path) -> Command:
    def command(port: int, pem: Path | None) -> list[str]:
        return [*map(str, words), str(port), *([str(pem)] if pem else [])]

    return command


def _aiosmtpd(port: int, pem: Path | None) -> list[str]:
    tls = ["--smtpscert", str(pem), "--smtpskey", str(pem)] if pem else []
    sink = ["--nosetuid", "--class", "aiosmtpd.handlers.Sink", "--listen", f"127.0.0.1:{port}"]
    return [PYTHON, "-m", "aiosmtpd", *sink, *tls]


def _sink(port: int, pem: Path | None) -> list[str]:
    return [found("smtp-sink") or "smtp-sink", "-u", "nobody", "-m", "10000", f"127.0.0.1:{port}", "1000"]


def _opensmtpd(port: int, pem: Path | None) -> list[str]:
    return [PYTHON, str(PEERS / "opensmtpd.py"), str(port), str(OPENSMTPD_ROOT)]


SERVERS: tuple[Program, ...] = (
    Program("bare", _with_port(PYTHON, PEERS / "bare.py"), needs_module("twisted"), lambda: module("twisted")),
    Program("txsmtpx", smtpx(), needs_module("txsmtpx"), lambda: module("txsmtpx")),
    Program("txsmtpx-null", smtpx("--backend", "null"), needs_module("txsmtpx"), lambda: module("txsmtpx")),
    Program("txsmtpx-epoll", smtpx("--backend", "null", reactor="epoll"), needs_module("txsmtpx"),
            lambda: module("txsmtpx")),
    Program("go-smtp", _with_port(GO_SERVER), needs_built(GO_SERVER),
            go_smtp),
    Program("smtp-sink", _sink, needs_program("smtp-sink", "postfix"), lambda: debian("postfix"), tls=False),
    Program("nodemailer", _with_port("node", PEERS / "smtp_server.js"), needs_built(NODE_MODULES / "smtp-server"),
            lambda: node("smtp-server")),
    Program("twisted.mail", _with_port(PYTHON, PEERS / "twisted_mail.py"), needs_module("twisted"),
            lambda: module("twisted")),
    Program("aiosmtpd", _aiosmtpd, needs_module("aiosmtpd"), lambda: module("aiosmtpd")),
)  # fmt: skip
"""The first one is what the others are compared with."""

ASYNCHRONOUS: tuple[Program, ...] = tuple(
    Program(name, _with_port(PYTHON, PEERS / "asynchronous.py", how), needs_module("txsmtpx"),
            lambda: module("txsmtpx"))
    for name, how in (("immediate", "now"), ("next turn", "later"), ("next turn, a write for each reply", "apart"))
)  # fmt: skip
"""Our server with a backend whose results arrive at that time."""

WORKERS: tuple[Program, ...] = tuple(
    Program(f"{count} worker{'s' * (count > 1)}", smtpx("--workers", str(count)), needs_module("txsmtpx"),
            lambda: module("txsmtpx"), processes=count)
    for count in (1, 2)
)  # fmt: skip

_MAILDIR = smtpx("--backend", "maildir:Maildir")
_MAILDIR_LMTP = smtpx("--lmtp", "--backend", "maildir:Maildir")

ON_DISK: tuple[Program, ...] = (
    Program("Dovecot LMTP", _with_port(PYTHON, PEERS / "dovecot.py"), lambda: unusable("dovecot"),
            lambda: debian("dovecot-lmtpd"), load="--lmtp"),
    Program("Postfix", _with_port(PYTHON, PEERS / "postfix.py"), lambda: unusable("postfix"),
            lambda: debian("postfix")),
    Program("OpenSMTPD", _opensmtpd, lambda: unusable("opensmtpd"),
            lambda: unpacked("opensmtpd", OPENSMTPD_ROOT)),
    Program("txsmtpx", _MAILDIR, needs_module("txsmtpx"), lambda: module("txsmtpx")),
    Program("txsmtpx LMTP", _MAILDIR_LMTP, needs_module("txsmtpx"), lambda: module("txsmtpx"), load="--lmtp"),
)  # fmt: skip
"""Those that write a message to the disk before they accept it.  The first one is what the others are compared with."""

_UNLIMITED = ("--max-recipients", "0", "--max-message-bytes", "0")

GROWING: tuple[Program, ...] = (
    *[each for each in SERVERS if each.name in ("bare", "go-smtp")],
    Program("txsmtpx", smtpx(*_UNLIMITED), needs_module("txsmtpx"), lambda: module("txsmtpx")),
)
"""Those whose growth is looked at; ours without its limits."""
