"""What is built and installed for the benchmarks, all of it in C{build/benchmarks} or by the machine's packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
BUILD = HERE.parent / "build" / "benchmarks"

LOAD = BUILD / "load"
SINK = BUILD / "sink"
GO_SERVER = BUILD / "go_smtp_server"
GO_CLIENT = BUILD / "go_smtp_client"
NODE_MODULES = BUILD / "node_modules"

GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian's packages of Go libraries put them."""


def compile_c(source: Path, program: Path, *libraries: str) -> None:
    """
    Compile one file of C, where the program is older than it.

    @raise FileNotFoundError: there is no compiler.
    @raise subprocess.CalledProcessError: it has a complaint, which it has printed.
    """
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return
    program.parent.mkdir(parents=True, exist_ok=True)
    warnings = ("-Wall", "-Wextra", "-Werror")
    subprocess.run(["cc", "-O2", "-std=gnu11", *warnings, "-o", program, source, *libraries], check=True)


def compile_tools() -> None:
    """The load generator, and the sink."""
    compile_c(HERE / "load.c", LOAD, "-lssl", "-lcrypto")
    compile_c(HERE / "sink.c", SINK)


def install() -> None:
    """The peers that no registry of Python packages has, as far as their tools are here."""
    for program in (GO_SERVER, GO_CLIENT):
        compile_go(PEERS / program.name, program)
    install_node("smtp-server", "nodemailer")


def compile_go(package: Path, program: Path) -> None:
    """
    Compile a program of Go from Debian's sources alone; nothing is downloaded.

    @raise FileNotFoundError: there is no Go.
    """
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", program, f"./{package.name}"], cwd=package.parent, env=environment, check=True)


def install_node(*packages: str) -> None:
    """Packages of npm."""
    BUILD.mkdir(parents=True, exist_ok=True)
    quiet = ("--silent", "--no-audit", "--no-fund", "--no-save")
    subprocess.run(["npm", "install", *quiet, "--prefix", BUILD, *packages], check=True)
