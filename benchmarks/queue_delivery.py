"""
The deliveries of a queue to many domains, of which some hang, beside Postfix on the same sink.

    python -m benchmarks.queue_delivery
    python -m benchmarks.queue_delivery --messages 100000 --domains 1000

Each program accepts the messages from one client, stores them, and delivers them to domains in turn.  A domain that
hangs accepts connections and never greets.  The others are one sink, which answers at once.  Both programs have the
same limits: deliveries in all, and deliveries to a domain.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.build import SINK, compile_tools
from tests.interop.servers import postfix
from tests.ports import free_port
from tests.waiting import eventually
from tests.wire.twistd import COMMAND
from txsmtpx.testing import issue

BODY = b"Subject: an order\r\n\r\n" + (b"x" * 70 + b"\r\n") * 50
"""About 4 KB, as in the other benchmarks."""

PATIENCE = 3600.0
"""Seconds in which the messages for domains that work are delivered."""

DELIVERIES, TO_A_DOMAIN = 300, 10


@dataclass(frozen=True)
class Measured:
    """
    What was measured for one program.

    Attributes:
        name: The program.
        accepted: Seconds until all messages were accepted.
        delivered: Seconds from the first message until all of those for domains that work were delivered.
        messages: The messages that were delivered.
    """

    name: str
    accepted: float
    delivered: float
    messages: int


class Sink:
    """
    The sink of the benchmarks.  Each question resets its counts.

    Args:
        process: Its process.
        port: Its port.
    """

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self._process = process
        self.messages = 0

    def count(self) -> int:
        """
        Ask for the messages so far.

        Returns:
            Their number.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.messages += json.loads(self._process.stdout.readline())["messages"]
        return self.messages


@contextmanager
def sink() -> Iterator[Sink]:
    """
    Start a sink.

    Yields:
        The sink.
    """
    process = subprocess.Popen([SINK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sink(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


@contextmanager
def hanging() -> Iterator[int]:
    """
    Listen as a server that never greets.

    Yields:
        The port.
    """
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
    for each in kept:
        each.close()


def send(port: int, messages: int, domains: list[str]) -> float:
    """
    Send messages to the domains in turn.

    Args:
        port: The port of the program.
        messages: Their number.
        domains: The domains.

    Returns:
        Seconds.
    """
    began = time.monotonic()
    with smtplib.SMTP("127.0.0.1", port, timeout=600) as client:
        for number in range(messages):
            client.sendmail("shop@client.example", [f"ann@{domains[number % len(domains)]}"], BODY)
    return time.monotonic() - began


def measured(name: str, port: int, messages: int, domains: list[str], there: Sink, hang: int) -> Measured:
    """
    Measure one program.

    Args:
        name: The program.
        port: Its port.
        messages: The number of messages.
        domains: The domains.
        there: The sink.
        hang: Each domain of this many hangs.

    Returns:
        What was measured.
    """
    due = sum(number % len(domains) % hang != 0 for number in range(messages))
    there.count()
    before, began = there.messages, time.monotonic()
    accepted = send(port, messages, domains)
    eventually(lambda: there.count() - before >= due, seconds=PATIENCE)
    return Measured(name, accepted, time.monotonic() - began, there.messages - before)


@contextmanager
def ours(room: Path, servers: dict[str, int]) -> Iterator[int]:
    """
    Start txsmtpx with a queue.

    Args:
        room: Its directory.
        servers: The port for each domain.

    Yields:
        Its port.
    """
    port = free_port()
    lines = [
        f'port = "tcp:{port}:interface=127.0.0.1"', 'backend = "queue:sqlite:queue.db"',
        f"relay-domain = {json.dumps(sorted(servers))}",
        f"queue-deliveries = {DELIVERIES}", f"queue-destination = {TO_A_DOMAIN}",
    ]  # fmt: skip
    lines += [f'[route."{domain}"]\nendpoint = "tcp:127.0.0.1:{to}"' for domain, to in servers.items()]
    (room / "queue.toml").write_text("\n".join(lines) + "\n")
    command = [*COMMAND, "--config", "queue.toml"]
    with (room / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=room, stdout=output, stderr=output)
    try:
        eventually(lambda: _listens(port), seconds=60)
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def run(messages: int, number: int, hang: int) -> list[Measured]:
    """
    Measure both programs.

    Args:
        messages: The number of messages.
        number: The number of domains.
        hang: Each domain of this many hangs.

    Returns:
        What was measured.
    """
    compile_tools()
    domains = [f"d{each}.example" for each in range(number)]
    found = []
    with ExitStack() as stack:
        there, hanging_port = stack.enter_context(sink()), stack.enter_context(hanging())
        servers = {domain: hanging_port if at % hang == 0 else there.port for at, domain in enumerate(domains)}
        room = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        room.chmod(0o755)
        (room / "ours").mkdir()
        with ours(room / "ours", servers) as port:
            found.append(measured("txsmtpx", port, messages, domains, there, hang))
        routes = {domain: f"smtp:[127.0.0.1]:{to}" for domain, to in servers.items()}
        pem = issue(room)
        (room / "postfix").mkdir()
        limits = {"default_process_limit": DELIVERIES, "default_destination_concurrency_limit": TO_A_DOMAIN}
        with postfix(room / "postfix", pem, routes, **limits) as other:
            found.append(measured("Postfix", other.port, messages, domains, there, hang))
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--domains", type=int, default=1_000)
    parser.add_argument("--hang", type=int, default=5, help="each domain of this many hangs")
    given = parser.parse_args()
    print(f"{given.messages} messages of {len(BODY)} octets for {given.domains} domains, 1 of {given.hang} hangs")
    print("| program | accepted in | all others delivered in | messages delivered |\n| --- | --- | --- | --- |")
    for each in run(given.messages, given.domains, given.hang):
        print(f"| {each.name} | {each.accepted:.1f} s | {each.delivered:.1f} s | {each.messages} |")


if __name__ == "__main__":
    main()
