"""
The transcripts of tests/dialogs, played against `txsmtpx.aio.serve` over a UNIX socket, in a loop of asyncio.

Timers follow the clock of the transcript.  So what a transcript says of time-outs holds here too, and nothing sleeps.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from txsmtpx.aio import serve
from txsmtpx.testing import BackendCrash, Transcript
from txsmtpx.wire.loop_reactor import LoopReactor

TURNS = 40
"""Turns of the loop after which nothing more happens: each reads what the turn before has written."""


class ClockReactor(LoopReactor):
    """A reactor whose sockets are those of a loop, and whose time is that of a clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        super().__init__(loop)
        self.clock = clock

    def seconds(self) -> float:
        return self.clock.seconds()

    def callLater(self, delay: float, callable: Callable[..., object], *args: Any, **kwargs: Any) -> IDelayedCall:
        return self.clock.callLater(delay, callable, *args, **kwargs)


class SocketConversation:
    """A `txsmtpx.testing.Conversation` over a socket."""

    def __init__(self, backend: Any, *, clock: Clock, inside_tls: bool, **settings: Any) -> None:
        if inside_tls or "tls" in settings:
            pytest.skip("its TLS is that of a dialog without a transport")
        if "trusted_networks" in settings:
            pytest.skip("it names the address of a transport in memory")
        self._loop, self._clock = asyncio.new_event_loop(), clock
        self._received = b""
        self.closed = False
        self._lost = False
        self._folder = TemporaryDirectory()
        path = f"{self._folder.name}/socket"  # unlike one of TCP, it has the octets at once
        reactor = ClockReactor(self._loop, clock)
        self._serving = serve(backend, endpoint=f"unix:{path}", reactor=reactor, shutdown_timeout=0, **settings)
        self._loop.run_until_complete(self._serving.__aenter__())
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.setblocking(False)
        self._turn()

    def send(self, octets: bytes) -> None:
        self._turn()
        while octets and not self.closed and not self._lost:
            try:
                octets = octets[self._socket.send(octets) :]
            except BlockingIOError:
                pass
            except ConnectionError:
                self.closed = True
            self._turn()

    def replies(self) -> list[str]:
        self._turn()
        received, self._received = self._received, b""
        assert received.endswith(b"\r\n") or not received
        return received.decode().split("\r\n")[:-1]

    def hang_up(self) -> None:
        if not self._lost:
            self._lost = True
            self._socket.close()
            self._turn()
            stopping = self._loop.create_task(self._serving.__aexit__(None, None, None))
            while not stopping.done():
                self._turn()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._folder.cleanup()

    def _turn(self) -> None:
        """Let the loop do what there is to do, and read."""
        for _ in range(TURNS * (not self._loop.is_closed())):
            self._loop.run_until_complete(asyncio.sleep(0))
            self._clock.advance(0)  # the ports and connections of Twisted do some things in the next turn
            try:
                octets = b"" if self._lost or self.closed else self._socket.recv(1 << 16)
            except BlockingIOError:
                continue
            except ConnectionError:
                octets = b""
            self.closed = self.closed or (not octets and not self._lost)
            self._received += octets


@pytest.mark.parametrize("path", sorted(Path(__file__).with_name("dialogs").glob("*.txt")), ids=lambda path: path.stem)
def test_over_a_socket(path, logged_failures):
    transcript = Transcript.read(path)
    transcript.play(conversation=SocketConversation)  # type: ignore[arg-type]  # it has the same methods
    assert bool(logged_failures.flush(BackendCrash)) is transcript.crashes
