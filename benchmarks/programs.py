"""The servers that are measured.  One more is one entry of L{PROGRAMS}."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.build import GO_SERVER, NODE_MODULES, PEERS

Command = Callable[[int, "Path | None"], list[str]]
"""(TCP port of 127.0.0.1, PEM file with certificate and key for TLS from the start) to the command that serves it."""


@dataclass(frozen=True)
class Program:
    """
    @ivar missing: what it lacks here, "" if nothing.
    @ivar version: what is measured.
    @ivar tls: whether it can.
    """

    name: str
    command: Command
    missing: Callable[[], str]
    version: Callable[[], str]
    tls: bool = True


def _smtpx(*options: str) -> Command:
    twistd = str(Path(sys.executable).with_name("twistd"))

    def command(port: int, pem: Path | None) -> list[str]:
        kind = f"ssl:{port}:privateKey={pem}:certKey={pem}" if pem else f"tcp:{port}"
        endpoint = f"{kind}:interface=127.0.0.1:backlog=1000"
        return [twistd, "-n", "--pidfile=", "smtpx", "--domain", "localhost", "--port", endpoint, *options]

    return command


def _script(interpreter: str, script: str) -> Command:
    def command(port: int, pem: Path | None) -> list[str]:
        return [interpreter, str(PEERS / script), str(port), *([str(pem)] if pem else [])]

    return command


def _aiosmtpd(port: int, pem: Path | None) -> list[str]:
    tls = ["--smtpscert", str(pem), "--smtpskey", str(pem)] if pem else []
    handler = ["--nosetuid", "--class", "aiosmtpd.handlers.Sink", "--listen", f"127.0.0.1:{port}"]
    return [sys.executable, "-m", "aiosmtpd", *handler, *tls]


def _go(port: int, pem: Path | None) -> list[str]:
    return [str(GO_SERVER), str(port), *([str(pem)] if pem else [])]


def _sink(port: int, pem: Path | None) -> list[str]:
    return [_found("smtp-sink") or "smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1000"]


def _found(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def _needs_module(name: str) -> Callable[[], str]:
    return lambda: "" if _module(name) else f"{name} is not installed (pip)"


def _module(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _needs_program(name: str, package: str) -> Callable[[], str]:
    return lambda: "" if _found(name) else f"{name} is not installed (Debian: {package})"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _debian(package: str) -> str:
    return f"{package} {_output('dpkg-query', '--show', '--showformat=${Version}', package)}"


def _go_version() -> str:
    return f"{_debian('golang-github-emersion-go-smtp-dev')}, {_debian('golang-go')}"


def _node_version() -> str:
    script = 'console.log(require(process.argv[1] + "/smtp-server/package.json").version, process.version)'
    return f"smtp-server {_output('node', '-e', script, str(NODE_MODULES))}"


def _needs_build(program: Path, how: str) -> Callable[[], str]:
    return lambda: "" if program.exists() else f"{program.name} is not built ({how})"


_twisted = _needs_module("twisted")

PROGRAMS: tuple[Program, ...] = (
    Program("bare", _script(sys.executable, "bare.py"), _twisted, lambda: _module("twisted")),
    Program("txsmtpx", _smtpx(), _twisted, lambda: _module("txsmtpx")),
    Program("txsmtpx-null", _smtpx("--backend", "null"), _twisted, lambda: _module("txsmtpx")),
    Program("go-smtp", _go, _needs_build(GO_SERVER, "python -m benchmarks install"), _go_version),
    Program("smtp-sink", _sink, _needs_program("smtp-sink", "postfix"), lambda: _debian("postfix"), tls=False),
    Program("smtp-server", _script("node", "smtp_server.js"),
            _needs_build(NODE_MODULES / "smtp-server", "python -m benchmarks install"), _node_version),
    Program("twisted.mail", _script(sys.executable, "twisted_mail.py"), _twisted, lambda: _module("twisted")),
    Program("aiosmtpd", _aiosmtpd, _needs_module("aiosmtpd"), lambda: _module("aiosmtpd")),
)  # fmt: skip
"""The first one is what the others are compared with."""
