"""
How connections spread over processes that listen on one port: one socket that all of them adopt, or one each with
SO_REUSEPORT.

    python benchmarks/spread.py

Prints a table for each way and load: what share of the connections the busiest process got, how long the longest wait
for a greeting was, and how many were lost when one of the processes died.  The servers are bare protocols of Twisted;
they work for half a millisecond a connection, about what a short SMTP session costs.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

PROCESSES = 2
WORK = 0.0005


def serve(way: str, descriptor: int) -> None:
    """A process that greets with its number, and keeps the connection."""
    from twisted.internet import reactor, tcp
    from twisted.internet.interfaces import ITransport
    from twisted.internet.protocol import Factory, Protocol

    class Greeting(Protocol):
        transport: ITransport

        def connectionMade(self) -> None:
            end = time.perf_counter() + WORK
            while time.perf_counter() < end:
                pass
            self.transport.write(b"%d\n" % os.getpid())

    class OneAtATime(tcp.Port):
        def doRead(self) -> None:
            self.numberAccepts = 1
            super().doRead()  # type: ignore[no-untyped-call]

    factory = Factory.forProtocol(Greeting)
    factory.noisy = False
    kind = OneAtATime if way == "adopted, one at a time" else tcp.Port
    kind._fromListeningDescriptor(reactor, descriptor, socket.AF_INET, factory).startListening()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    reactor.run()


class Servers:
    """The processes, as long as the context lasts."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.sockets = [self._listen(0)]
        self.port = self.sockets[0].getsockname()[1]
        if way == "SO_REUSEPORT":
            self.sockets += [self._listen(self.port) for _ in range(PROCESSES - 1)]
        self.processes: list[subprocess.Popen[bytes]] = []

    def _listen(self, port: int) -> socket.socket:
        listening = socket.socket()
        if self.way == "SO_REUSEPORT":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(511)
        listening.setblocking(False)
        return listening

    def __enter__(self) -> Servers:
        for number in range(PROCESSES):
            descriptor = self.sockets[number % len(self.sockets)].fileno()
            command = [sys.executable, __file__, self.way, str(descriptor)]
            self.processes.append(subprocess.Popen(command, pass_fds=[descriptor], stdout=subprocess.PIPE))
        for process in self.processes:
            assert process.stdout is not None
            process.stdout.readline()
        for listening in self.sockets:
            listening.close()  # the parent of workers keeps them, but takes nothing from them
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def burst(port: int, number: int) -> tuple[Counter[str], float, int]:
    """So many connections at once, all kept: who got them, the longest wait in seconds, how many were lost."""
    selector = selectors.DefaultSelector()
    start = time.perf_counter()
    for _ in range(number):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        selector.register(connection, selectors.EVENT_READ)
    got: Counter[str] = Counter()
    lost, wait, done = 0, 0.0, []
    while len(selector.get_map()):
        for key, _ in selector.select(10):
            wait = time.perf_counter() - start
            try:
                got[key.fileobj.recv(100).decode()] += 1  # type: ignore[union-attr]
            except OSError:
                lost += 1
            selector.unregister(key.fileobj)
            done.append(key.fileobj)
    for each in done:
        each.close()  # type: ignore[union-attr]
    return got, wait, lost


def one_by_one(port: int, number: int) -> tuple[Counter[str], float, int]:
    """So many connections, each when the one before it has gone."""
    got: Counter[str] = Counter()
    longest = 0.0
    for _ in range(number):
        start = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            got[connection.recv(100).decode()] += 1
        longest = max(longest, time.perf_counter() - start)
    return got, longest, 0


def few(port: int, number: int) -> tuple[Counter[str], float, int]:
    """Eight that stay, as those of a busy peer do, opened a moment apart."""
    kept, got, longest = [], Counter[str](), 0.0
    for _ in range(number):
        start = time.perf_counter()
        kept.append(socket.create_connection(("127.0.0.1", port)))
        got[kept[-1].recv(100).decode()] += 1
        longest = max(longest, time.perf_counter() - start)
    for each in kept:
        each.close()
    return got, longest, 0


LOADS: list[tuple[str, Callable[[int, int], tuple[Counter[str], float, int]], int]] = [
    ("8 at once", burst, 8),
    ("16 at once", burst, 16),
    ("64 at once", burst, 64),
    ("500 at once", burst, 500),
    ("8 kept, one after the other", few, 8),
    ("1000, each alone", one_by_one, 1000),
]

WAYS = ("adopted", "adopted, one at a time", "SO_REUSEPORT")


def stopping(servers: Servers) -> int:
    """How many of 400 connections are lost when a process ends while they come in."""
    os.kill(servers.processes[0].pid, signal.SIGSTOP)  # so that connections wait for it
    victim = servers.processes[0]
    selector = selectors.DefaultSelector()
    for _ in range(400):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", servers.port))
        selector.register(connection, selectors.EVENT_READ)
    victim.kill()
    victim.wait()
    lost = 0
    while len(selector.get_map()):
        for key, _ in selector.select(10):
            try:
                lost += not key.fileobj.recv(100)  # type: ignore[union-attr]
            except OSError:
                lost += 1
            selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
    return lost


def main() -> None:
    """The table."""
    print(f"{'':28} {'':28} {'share of the busiest':>20} {'longest wait':>14} {'lost':>5}")
    for way in WAYS:
        for load, run, number in LOADS:
            shares, waits = [], []
            with Servers(way) as servers:
                for _ in range(10 if number < 1000 else 1):
                    got, wait, _ = run(servers.port, number)
                    shares.append(max(got.values()) / sum(got.values()))
                    waits.append(wait)
            shares.sort()
            print(
                f"{way:28} {load:28} {shares[0]:6.0%}{shares[len(shares) // 2]:7.0%}{shares[-1]:7.0%}"
                f" {max(waits) * 1000:11.1f} ms"
            )
        with Servers(way) as servers:
            print(f"{way:28} {'one of them dies':28} {'':20} {'':14} {stopping(servers):5}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        main()
