"""
The throughput of servers that have each message verified by opendkim, and without it: txsmtpx, and Postfix.

    python -m benchmarks.behind_milter

The server and opendkim run on one core, the load generator on another.  Each message is signed, has 4 KB, and is
accepted for one recipient.  Postfix keeps it in its queue, in which no message is delivered meanwhile.  Prints the
messages a second by the clock, and the CPU of each message.  If the machine has other work, put ``chrt --rr 1`` before
the command.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import dkim

from benchmarks.build import compile_tools
from benchmarks.content import content
from benchmarks.process import MEASURED, Running
from benchmarks.program import Program, Refused
from benchmarks.server import Server, serving
from benchmarks.servers import smtpx
from tests.interop.milter_page import OPENDKIM_KEY, OPENDKIM_VERIFIES
from tests.interop.milter_programs import opendkim
from tests.interop.servers import postfix
from txsmtpx.testing import issue

FIELD = "2026._domainkey.example.org"
OCTETS = 4096
LOAD = "--connections 8 --per-connection 10"
"""Eight clients at a time, each with ten messages on a connection."""


@dataclass
class Measured:
    """
    A server that runs, and what was measured.

    Attributes:
        kept: The directory below which the server keeps the messages; None if it discards them.
        rates: Messages a second, one of each round.
        server: Seconds of CPU of a message in the server, one of each round.
        milter: The same in opendkim.
    """

    name: str
    running: Server
    kept: Path | None
    rates: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    milter: list[float] = field(default_factory=list)


def key(directory: Path) -> tuple[bytes, str]:
    """
    Make a key of DKIM, by the program of opendkim.

    Returns:
        The private key, and the TXT record of the public one.
    """
    subprocess.run(OPENDKIM_KEY.split(), cwd=directory, check=True)
    record = "".join(re.findall(r'"([^"]*)"', (directory / "2026.txt").read_text()))
    return (directory / "2026.private").read_bytes(), record


def signed_message(private: bytes) -> bytes:
    """Return a message as it is on the wire; no line begins with a dot."""
    message = content("wrapped", OCTETS)
    return bytes(dkim.sign(message, b"2026", b"example.org", private, canonicalize=(b"relaxed", b"simple"))) + message


@contextlib.contextmanager
def on(cores: Sequence[int]) -> Iterator[None]:
    """Start programs on these cores, as long as the context lasts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def started(stack: ExitStack, make_room: Callable[[str], Path], milter: Path) -> Iterator[Measured]:
    """Start each server, with opendkim and without."""
    verify = ("--filter", f"milter:unix:{milter}")
    for backend in ("null", "maildir"):
        for name, more in (("", ()), (" + opendkim", verify)):
            room = make_room(f"{backend}{len(more)}")
            given = backend if backend == "null" else f"maildir:{room}/mail"
            program = Program(f"txsmtpx, {backend}{name}", smtpx("--backend", given, *more), str, str)
            kept = None if backend == "null" else room / "mail"
            yield Measured(program.name, stack.enter_context(serving(program, room)), kept)
    pem = issue(make_room("certificate"))
    for name, milters in (("", ""), (" + opendkim", f"unix:{milter}")):
        settings = {
            "smtpd_milters": milters, "max_use": 1_000_000, "relay_domains": "example.net",
            "smtpd_sender_restrictions": "check_sender_access static:HOLD",
        }  # fmt: skip
        with on(MEASURED):
            made = stack.enter_context(postfix(room := make_room(f"postfix{len(milters)}"), pem, {}, **settings))
        assert isinstance(made.process, subprocess.Popen)
        yield Measured(f"Postfix{name}", Server(Running(made.process, made.log), made.port), room / "queue/hold")


def process_at(path: Path) -> int:
    """Return the number of the process that listens on a UNIX socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid: int = struct.unpack("3i", credentials)[0]
        return pid


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it


def check(each: Measured) -> None:
    """
    Check that the messages are kept, verified if opendkim is asked.

    Raises:
        Refused: One is not.
    """
    if each.kept is None:
        return
    found = [file.read_bytes() for file in each.kept.rglob("*") if file.is_file()]
    verified = "opendkim" in each.name
    if not found or any((b"dkim=pass" in octets) is not verified for octets in found):
        raise Refused(f"{each.name}: of {len(found)} messages, one is {'not ' * verified}verified")


def measure(each: Measured, milter: int, message: Path, messages: int) -> None:
    """Measure one round."""
    before = cpu_of(milter)
    taken = each.running.take(f"{LOAD} --message {message}", messages)
    each.rates.append(messages / taken["seconds"])
    each.server.append(taken["server"] / messages)
    each.milter.append((cpu_of(milter) - before) / messages)


def main() -> None:
    """Measure, and print a line for each server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="of each server in a round [1000]")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    compile_tools()
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="txsmtpx-")))
        top.chmod(0o755)

        def make_room(name: str) -> Path:
            (top / name).mkdir()
            return top / name

        private, record = key(make_room("key"))
        message = top / "message"
        message.write_bytes(signed_message(private))
        with on(MEASURED):
            path = stack.enter_context(opendkim(make_room("opendkim"), OPENDKIM_VERIFIES, f"{FIELD} {record}\n"))
        milter = process_at(path)
        servers = [*started(stack, make_room, path)]
        for number in range(given.rounds + 1):
            for each in servers:
                measure(each, milter, message, given.messages if number else 50)
                print(f"round {number}: {each.name}", file=sys.stderr)
                if not number:
                    check(each)
        for each in servers:
            server, verifier = (median(costs[1:]) * 1e3 for costs in (each.server, each.milter))
            rate = median(each.rates[1:])
            print(f"{each.name:<28} {rate:6.0f} messages a second, CPU {server:.2f} ms, opendkim {verifier:.2f} ms")


if __name__ == "__main__":
    main()
