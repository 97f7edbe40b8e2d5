"""
The transcripts of tests/dialogs, played against `txsmtpx.aio.serve` over a socket, in a loop of asyncio.

What is within TLS is so here too.  A client with a certain address has it by a PROXY header.  Timers follow the clock
of the transcript.  So what a transcript says of time-outs holds here too, and nothing sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from txsmtpx import Certificate
from txsmtpx.aio import serve
from txsmtpx.testing import BackendCrash, Pem, Transcript
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


PROXY = b"PROXY TCP4 192.168.1.1 10.0.0.1 54321 12345\r\n"
"""The addresses of a transport in memory, which some transcripts trust."""

CERTIFICATE: Pem = Pem(Path(), Path(), Path())
"""That of the server; a fixture makes it."""


class Channel:
    """
    The client's end: a socket, or TLS over one.

    Args:
        sock: The socket, connected.
        tls: What TLS trusts; None for no TLS.
    """

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = None if tls is None else tls.wrap_bio(self._in, self._out, server_hostname="localhost")

    def send(self, octets: bytes) -> int:
        """Send octets; BlockingIOError if it is not possible yet."""
        if self._tls is None:
            return self._socket.send(octets)
        self._receive()
        try:
            return self._tls.write(octets)
        except ssl.SSLWantReadError:  # before the end of the handshake
            raise BlockingIOError from None
        finally:
            self._flush()

    def recv(self) -> bytes:
        """Receive octets; none at the end; BlockingIOError if there are none yet."""
        if self._tls is None:
            return self._socket.recv(1 << 16)
        self._receive()
        try:
            return self._tls.read(1 << 16)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        finally:
            self._flush()

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            octets = self._socket.recv(1 << 16)
            if octets:
                self._in.write(octets)
            else:
                self._in.write_eof()

    def _flush(self) -> None:
        if self._out.pending:
            self._socket.sendall(self._out.read())

    def close(self) -> None:
        self._socket.close()


class SocketConversation:
    """A `txsmtpx.testing.Conversation` over a socket: of UNIX, which has octets at once, or with TLS of TCP."""

    def __init__(self, backend: Any, *, clock: Clock, inside_tls: bool, **settings: Any) -> None:
        if settings.get("auth_failure_delay") == 0:
            pytest.skip("a delay of 0 is over in any turn of the loop")
        self._loop, self._clock = asyncio.new_event_loop(), clock
        self._received = b""
        self.closed = False
        self._lost = False
        self._folder = TemporaryDirectory()
        path = f"{self._folder.name}/socket"
        behind_proxy = "trusted_networks" in settings
        if "tls" in settings:
            settings["tls"] = Certificate(str(CERTIFICATE.certificate), str(CERTIFICATE.key))
        endpoint = f"{'haproxy:' if behind_proxy else ''}unix:{path}"
        if inside_tls:
            files = f"privateKey={CERTIFICATE.key}:certKey={CERTIFICATE.certificate}"
            endpoint = f"ssl:0:interface=127.0.0.1:{files}"
        reactor = ClockReactor(self._loop, clock)
        self._serving = serve(backend, endpoint=endpoint, reactor=reactor, shutdown_timeout=0, **settings)
        server = self._loop.run_until_complete(self._serving.__aenter__())
        trust = ssl.create_default_context(cafile=CERTIFICATE.certificate) if inside_tls else None
        sock = socket.socket(socket.AF_INET if inside_tls else socket.AF_UNIX)
        sock.connect(("127.0.0.1", server.port) if inside_tls else path)
        self._socket = Channel(sock, trust)
        if behind_proxy:
            self.send(PROXY)
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
                octets = b"" if self._lost or self.closed else self._socket.recv()
            except BlockingIOError:
                continue
            except ConnectionError:
                octets = b""
            self.closed = self.closed or (not octets and not self._lost)
            self._received += octets


@pytest.fixture(autouse=True)
def certificate_of_the_server(pem: Pem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "CERTIFICATE", pem)


@pytest.mark.parametrize("path", sorted(Path(__file__).with_name("dialogs").glob("*.txt")), ids=lambda path: path.stem)
def test_over_a_socket(path, logged_failures):
    transcript = Transcript.read(path)
    transcript.play(conversation=SocketConversation)  # type: ignore[arg-type]  # it has the same methods
    assert bool(logged_failures.flush(BackendCrash)) is transcript.crashes
