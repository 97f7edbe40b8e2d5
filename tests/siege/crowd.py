"""
A crowd, in a process of its own: connections that do nothing, or next to nothing, or everything but what they should.

The program is told how many of each kind, says "here" when all are in, and stays until its input ends.  It is plain
Python, so that a thousand of them cost the machine little; what is measured is the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

SMALL = 4096
"""Octets of a buffer: so that who does not read is stuck soon."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def half_a_hello() -> bytes:
    """Of TLS."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    return hello[: len(hello) // 2]


async def _connect(port: int) -> Streams:
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=SMALL)
    assert (await reader.readline())[:3] == b"220"
    return reader, writer


async def idle(port: int) -> Streams:
    """Says nothing."""
    return await _connect(port)


async def slow(port: int) -> Streams:
    """An octet a second, of a line that has no end."""
    reader, writer = await _connect(port)

    async def drip() -> None:
        with contextlib.suppress(OSError):
            while not reader.at_eof():
                writer.write(b"N")
                await writer.drain()
                await asyncio.sleep(1)

    _kept.append(asyncio.create_task(drip()))
    return reader, writer


async def deaf(port: int) -> Streams:
    """Asks, and never reads an answer."""
    reader, writer = await _connect(port)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    with contextlib.suppress(TimeoutError):
        while not writer.transport.is_closing():  # until the server takes no more
            writer.write(b"HELP\r\n" * 1000)
            await asyncio.wait_for(writer.drain(), 0.5)
    return reader, writer


async def half(port: int) -> Streams:
    """Stops half-way through the hello of TLS."""
    reader, writer = await _connect(port)
    writer.write(b"EHLO client.example\r\nSTARTTLS\r\n")
    while (await reader.readline())[:4] != b"220 ":
        pass
    writer.write(half_a_hello())
    return reader, writer


KINDS: dict[str, Callable[[int], Coroutine[Any, Any, Streams]]] = {
    each.__name__: each for each in (idle, slow, deaf, half)
}
_kept: list[asyncio.Task[None]] = []
AT_A_TIME = 50
"""Connections under way: the queue of a port is short."""


async def _gather(port: int, numbers: dict[str, int]) -> None:
    gate = asyncio.Semaphore(AT_A_TIME)

    async def enter(kind: str) -> Streams:
        async with gate:
            return await KINDS[kind](port)

    crowd = await asyncio.gather(*[enter(kind) for kind, number in numbers.items() for _ in range(number)])
    print("here", len(crowd), flush=True)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
    await over.wait()
    for task in _kept:
        task.cancel()
    for _, writer in crowd:
        writer.transport.abort()


class Crowd:
    """The program, for a test: the crowd is in while the context lasts."""

    def __init__(self, port: int, **numbers: int) -> None:
        said = [f"{kind}={number}" for kind, number in numbers.items()]
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(port), *said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.size = sum(numbers.values())

    def __enter__(self) -> Crowd:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"here {self.size}\n"
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    pairs = (each.split("=") for each in sys.argv[2:])
    asyncio.run(_gather(int(sys.argv[1]), {kind: int(number) for kind, number in pairs}))
