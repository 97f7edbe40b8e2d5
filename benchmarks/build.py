"""What is built and installed for the benchmarks, all of it in C{build/benchmarks} or by the machine's packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
BUILD = HERE.parent / "build" / "benchmarks"

LOAD = BUILD / "load"
GO_SERVER = BUILD / "go_smtp_server"
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


def compile_load() -> None:
    """The load generator."""
    compile_c(HERE / "load.c", LOAD, "-lssl", "-lcrypto")


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
