"""What is built and installed for the benchmarks: in ``build/benchmarks``, or by the machine's packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.packages import BUILD, debian, found, output
from tests.interop.peers import install_opensmtpd, install_packages

HERE = Path(__file__).parent
PEERS = HERE / "peers"

LOAD = BUILD / "load"
SINK = BUILD / "sink"
GO_SERVER = BUILD / "go_smtp_server"
GO_CLIENT = BUILD / "go_smtp_client"

GO_SOURCES = Path(os.environ.get("GO_SMTP_SOURCES", "/usr/share/gocode"))
"""The GOPATH with go-smtp: that of Debian's packages of Go libraries, or one that the environment names."""

GO_SMTP = GO_SOURCES / "src/github.com/emersion/go-smtp"

# name: (what has to be there, the Debian packages it comes from)
TOOLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "C compiler": ("cc", ("gcc", "libc6-dev")),
    "OpenSSL": ("/usr/include/openssl/ssl.h", ("libssl-dev",)),
    "Go": ("go", ("golang-go",)),
    "go-smtp": (str(GO_SMTP), ("golang-github-emersion-go-smtp-dev",)),
    "go-sasl": (f"{GO_SOURCES}/src/github.com/emersion/go-sasl", ("golang-github-emersion-go-sasl-dev",)),
    "Postfix": ("smtp-sink", ("postfix",)),
    "Dovecot": ("/usr/lib/dovecot/lmtp", ("dovecot-core", "dovecot-lmtpd")),
    "strace": ("strace", ("strace",)),
    "Node.js": ("node", ("nodejs",)),
    "npm": ("npm", ("npm",)),
    "Valgrind": ("valgrind", ("valgrind",)),
}


def install() -> None:
    """The tools, where we may, and with them the peers; what is missing in the end is named."""
    missing = [packages for tool, packages in TOOLS.values() if not _here(tool)]
    if missing and os.geteuid() == 0 and found("apt-get"):
        install_packages({package for packages in missing for package in packages})
        install_opensmtpd()
    for name, (tool, packages) in TOOLS.items():
        if not _here(tool):
            print(f"{name} is not installed (Debian: {', '.join(packages)})", file=sys.stderr)
    if all(_here(TOOLS[name][0]) for name in ("Go", "go-smtp", "go-sasl")):
        for program in (GO_SERVER, GO_CLIENT):
            compile_go(PEERS / program.name, program)
    if _here("npm"):
        install_node("smtp-server", "nodemailer")


def _here(tool: str) -> bool:
    return Path(tool).exists() or found(tool) is not None


def compile_tools() -> None:
    """The load generator, and the sink."""
    compile_c(HERE / "load.c", LOAD, "-lssl", "-lcrypto")
    compile_c(HERE / "sink.c", SINK)


def compile_c(source: Path, program: Path, *libraries: str) -> None:
    """
    Compile one file of C, where the program is older than it.

    Raises:
        FileNotFoundError: There is no compiler.
        subprocess.CalledProcessError: It has a complaint, which it has printed.
    """
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return
    program.parent.mkdir(parents=True, exist_ok=True)
    warnings = ("-Wall", "-Wextra", "-Werror")
    subprocess.run(["cc", "-O2", "-std=gnu11", *warnings, "-o", program, source, *libraries], check=True)


def compile_go(package: Path, program: Path) -> None:
    """Compile a program of Go from the sources on this machine alone; nothing is downloaded."""
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOFLAGS": ""}
    newest = "NewSession(" in (GO_SMTP / "backend.go").read_text(encoding="utf-8")  # 0.12 has Login instead
    tags = "" if newest else "go_smtp_0_12"
    build = ["go", "build", "-tags", tags, "-o", str(program), f"./{package.name}"]
    subprocess.run(build, cwd=package.parent, env=environment, check=True)


def go_smtp() -> str:
    """The versions of go-smtp and of Go: of Debian's packages, or of the directory that the environment names."""
    if "GO_SMTP_SOURCES" not in os.environ:
        return debian("golang-github-emersion-go-smtp-dev", "golang-go")
    return f"go-smtp {os.environ.get('GO_SMTP_VERSION', GO_SOURCES)}, {output('go', 'version')}"


def install_node(*packages: str) -> None:
    """Packages of npm."""
    BUILD.mkdir(parents=True, exist_ok=True)
    quiet = ("--silent", "--no-audit", "--no-fund", "--no-save")
    subprocess.run(["npm", "install", *quiet, "--prefix", BUILD, *packages], check=True)
