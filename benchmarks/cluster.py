"""
Three servers behind HAProxy, a broker and three consumers: their throughput, and what is lost when one is killed.

    python -m benchmarks.cluster
    python -m benchmarks.cluster --broker rabbitmq

Each server with its consumer stands for a machine; all of them run on this one, in the files of examples/cluster.  The
throughput is that of 4 KB messages, to one recipient each, by the clock.  It is compared with one server alone, with
the same broker, and with one server that discards the mail.  Then each kind of process is killed by SIGKILL while
clients send, and started again a second later.  A client keeps a message until it has a 250, as mail servers do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from benchmarks.build import LOAD, compile_tools
from tests.interop.peers import program
from tests.interop.rabbitmq_server import RabbitMQServer
from tests.ports import free_port
from tests.waiting import eventually
from txsmtpx.testing import issue

EXAMPLE = Path(__file__).parents[1] / "examples/cluster"
MACHINES = (2525, 2526, 2527)
Broker = Literal["redis", "rabbitmq"]

_URLS: dict[Broker, str] = {"redis": "redis://127.0.0.1:6379/0", "rabbitmq": "amqp://127.0.0.1:5672/"}
_FILES: dict[Broker, str] = {"redis": "smtpx.toml", "rabbitmq": "rabbitmq.toml"}


def _server(broker: Broker, endpoint: str) -> str:
    return f"twistd -n --pidfile= smtpx --config {_FILES[broker]} --port {endpoint}"


def commands(broker: Broker) -> dict[str, str]:
    """Return the commands of the page by their names, in the directory of the example; RabbitMQ has no command."""
    return {
        **({"redis": "redis-server redis.conf"} if broker == "redis" else {}),
        "haproxy": "haproxy -db -f haproxy.cfg",
        **{f"server {port}": _server(broker, f"haproxy:tcp:{port}:interface=127.0.0.1") for port in MACHINES},
        **{f"consumer {port}": f"python consumer.py {_URLS[broker]} stored" for port in MACHINES},
    }


def compared(broker: Broker) -> dict[str, str]:
    """Return the commands of servers without HAProxy: one with the broker, and one that discards the mail."""
    return {
        "alone": _server(broker, "tcp:2424:interface=127.0.0.1"),
        "null": "twistd -n --pidfile= smtpx --backend null --port tcp:2323:interface=127.0.0.1",
    }


PORTS = {"haproxy": 1025, "alone": 2424, "null": 2323}
"""The ports to which clients connect."""

_PORT = re.compile(r"\b(?:1025|2323|2424|252[567]|5672|6379)\b")

DOWN = 1.0
"""Seconds until a process that was killed is started again."""

PATIENCE = 60.0
"""Seconds in which a client gets a 250, and a consumer the message."""


class Cluster:
    """
    The processes of the example, in a directory, on ports that are free.

    Args:
        directory: The directory.
        broker: The broker.

    Attributes:
        broker: As in the arguments.
        stored: The directory in which the consumers store the messages.
    """

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.broker = broker
        self._directory = directory
        self._ports: dict[str, str] = {}
        self._rabbitmq: RabbitMQServer | None = None
        if broker == "rabbitmq":
            (directory / broker).mkdir()
            self._rabbitmq = RabbitMQServer(directory / broker, issue(directory / broker))
            self._ports["5672"] = str(self._rabbitmq.port)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stored = directory / "stored"
        self.stored.mkdir()
        for file in EXAMPLE.iterdir():
            if file.is_file():
                (directory / file.name).write_text(self.here(file.read_text()))
        all_commands = {**commands(broker), **compared(broker)}
        self._commands = {name: self.here(command).split() for name, command in all_commands.items()}

    def here(self, text: str) -> str:
        """Return a text with ports that are free."""
        return _PORT.sub(lambda match: self._ports.setdefault(match[0], str(free_port())), text)

    def port(self, name: str) -> int:
        """Return the port of a process, which is one of `PORTS`."""
        return int(self._ports[str(PORTS[name])])

    def start(self, name: str) -> None:
        """Start a process."""
        if self._rabbitmq is not None and name == self.broker:
            self._rabbitmq.launch()
            return
        word, *arguments = self._commands[name]
        beside = Path(sys.executable).with_name(word)
        command = [beside if beside.exists() else program(word), *arguments]
        with (self._directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start_all(self) -> None:
        """Start all processes, but for the servers that are compared."""
        for name in dict.fromkeys([self.broker, *commands(self.broker)]):
            self.start(name)
        self.until_it_accepts("haproxy")

    def until_it_accepts(self, name: str) -> None:
        """Wait until a message to a server has a 250."""
        eventually(lambda: deliver(self.port(name), "begin"), lambda: self.log(), PATIENCE)

    def log(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(f"{file.name}: {file.read_text()[-500:]}" for file in self._directory.glob("*.log"))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process by a signal, and wait for its end.  RabbitMQ ends by SIGKILL."""
        if self._rabbitmq is not None and name == self.broker:
            self._rabbitmq.kill()
            return
        process = self._processes.pop(name)
        process.send_signal(number)
        process.wait(PATIENCE)

    def end(self) -> None:
        """Kill all processes."""
        for name in list(self._processes):
            self.kill(name)
        if self._rabbitmq is not None:
            self._rabbitmq.stop()

    def names(self) -> set[str]:
        """Return the subjects of the messages that the consumers have stored."""
        return {
            match[1].decode()
            for file in self.stored.glob("*.eml")
            if (match := re.match(rb"Subject: (\S+)\r\n", file.read_bytes()))
        }


@contextlib.contextmanager
def cluster(broker: Broker = "redis") -> Iterator[Cluster]:
    """Return the processes, which are killed at the end."""
    with tempfile.TemporaryDirectory(prefix="txsmtpx-") as directory:
        made = Cluster(Path(directory), broker)
        try:
            yield made
        finally:
            made.end()


def deliver(port: int, name: str) -> bool:
    """Send a message, and return whether it has a 250."""
    try:
        with smtplib.SMTP("127.0.0.1", port, "client.example", timeout=PATIENCE) as client:
            client.sendmail("a@client.example", ["b@example.org"], f"Subject: {name}\r\n\r\nhello\r\n")
    except (OSError, smtplib.SMTPException):
        return False
    return True


@dataclass
class Clients:
    """
    Clients that send messages to a port until they are stopped.

    Attributes:
        port: The port.
        accepted: The names of the messages with a 250, and the seconds that each of them has taken.
        failures: Attempts without a 250.
    """

    port: int
    accepted: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, number: int) -> None:
        """Start to send."""
        self._threads = [threading.Thread(target=self._send, args=(str(each),)) for each in range(number)]
        for each in self._threads:
            each.start()

    def _send(self, client: str) -> None:
        number = 0
        while not self._over.is_set():
            name, began = f"{client}-{number}", time.monotonic()
            while not deliver(self.port, name):
                self.failures += 1
                time.sleep(0.1)
            self.accepted[name] = time.monotonic() - began
            number += 1

    def stop(self) -> None:
        """Send no further message, and wait until each has a 250."""
        self._over.set()
        for each in self._threads:
            each.join()


@dataclass(frozen=True)
class Killed:
    """
    The result of killing one process.

    Attributes:
        name: The process.
        accepted: The messages with a 250.
        lost: Those of them that no consumer has stored.
        failures: Attempts that clients had to repeat.
        longest: The most seconds from the first attempt of a message to its 250.
    """

    name: str
    accepted: int
    lost: int
    failures: int
    longest: float


def killed(running: Cluster, name: str, seconds: float, clients: int = 8) -> Killed:
    """Kill a process while clients send, and start it again."""
    for file in running.stored.glob("*.eml"):
        file.unlink()
    sending = Clients(running.port("haproxy"))
    sending.start(clients)
    time.sleep(seconds)
    running.kill(name)
    time.sleep(DOWN)
    running.start(name)
    time.sleep(seconds)
    sending.stop()
    accepted = set(sending.accepted)
    with contextlib.suppress(TimeoutError):
        eventually(lambda: accepted <= running.names(), seconds=PATIENCE)
    lost = len(accepted - running.names())
    return Killed(name, len(accepted), lost, sending.failures, max(sending.accepted.values()))


def rate(port: int, messages: int, connections: int) -> float:
    """Return the messages a second that a server accepts."""
    options = ["--connections", str(connections), "--messages", str(messages), "--size", "4096"]
    run = subprocess.run([LOAD, *options, str(port)], capture_output=True, text=True, check=True)
    return messages / float(json.loads(run.stdout)["seconds"])


def main() -> None:
    """Measure, and print a line for each result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=["redis", "rabbitmq"], default="redis")
    parser.add_argument("--messages", type=int, default=3000, help="of each round [3000]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=5, help="before and after a process is killed [5]")
    given = parser.parse_args()
    compile_tools()
    with ExitStack() as stack:
        running = stack.enter_context(cluster(given.broker))
        running.start_all()
        titles = {
            "null": "one server that discards the mail", "alone": f"one server with {given.broker}",
            "haproxy": f"three servers with {given.broker}, behind HAProxy",
        }  # fmt: skip
        rates: dict[str, list[float]] = {name: [] for name in titles}
        for name in ("null", "alone"):
            running.start(name)
            running.until_it_accepts(name)
        for number in range(given.rounds + 1):
            for name, found in rates.items():
                found.append(rate(running.port(name), given.messages if number else 200, given.connections))
        for name, title in titles.items():
            print(f"{title:<45} {median(rates[name][1:]):6.0f} messages a second")
        for name in ("null", "alone"):
            running.kill(name)
        for name in ("server 2525", "consumer 2525", given.broker, "haproxy"):
            result = killed(running, name, given.seconds)
            print(
                f"{result.name} killed: of {result.accepted} messages with a 250, {result.lost} lost; "
                f"{result.failures} attempts repeated, the longest delay {result.longest:.1f} s"
            )


if __name__ == "__main__":
    main()
