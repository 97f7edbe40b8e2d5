"""
Floods of the web inbox: the mail server in the same process goes on, and what the inbox takes has a bound.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.siege.besieged import KIB, MIB, Besieged
from tests.siege.client import Client
from tests.siege.scale import FULL, scale
from tests.wire.twistd import LOCAL
from txsmtpx.inbox.inbox_site import MAX_CONNECTIONS

MAY_WAIT = 0.25
"""Seconds that a command of another client may take at worst, on a machine that has other work to do."""


class Inbox(Besieged):
    """A server with a web inbox."""

    def __init__(self, directory: Path, backend: str = "memory") -> None:
        super().__init__(directory, "--backend", backend, "--web", LOCAL, files=8 * MAX_CONNECTIONS)
        self.web = int(self.ports(2)[1])

    def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """An answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ask(self, path: str) -> socket.socket:
        """A connection on which a request has been sent, and nothing is read."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.web))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return connection


@pytest.fixture
def inbox(directory: Path) -> Iterator[Inbox]:
    with Inbox(directory) as server:
        yield server
        assert "Traceback" not in server.log
        assert server.stop()


class Watch:
    """
    A client that asks for nothing, again and again, while the context lasts.

    Attributes:
        worst: The seconds that the slowest answer has taken.
    """

    def __init__(self, port: int) -> None:
        self._client = Client(port)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.worst = 0.0

    def _run(self) -> None:
        while not self._over.wait(0.002):
            began = time.perf_counter()
            self._client.ask(b"NOOP\r\n")
            self.worst = max(self.worst, time.perf_counter() - began)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()


def test_clients_that_do_not_read(inbox, figures):
    number = scale(20, 200)
    with Client(inbox.port) as client:
        client.send(b"Subject: big\r\n\r\n" + (b"z" * 76 + b"\r\n") * 200_000)
    with contextlib.ExitStack() as stack:
        inbox.get("/api/messages/1/source")
        before = inbox.resident
        for _ in range(number):
            stack.enter_context(inbox.ask("/api/messages/1/source"))
        time.sleep(1)
        grown = inbox.resident - before
        if FULL:
            descriptors = inbox.descriptors
            assert inbox.within(60, lambda: inbox.descriptors <= descriptors - number)
        assert inbox.get("/api/messages/1/source")[0] == 200
    each = max(grown, 0) / number / KIB
    figures.add("inbox: clients that do not read 15 MiB", f"{each:.0f} KiB each ({number} of them)")
    assert grown < number * 256 * KIB + 4 * MIB


def test_requests_that_wait(inbox, figures):
    body = b"Subject: hi\r\n\r\n" + b"hello world, this is a line of text\r\n" * 1600
    words = [f"word{n}" for n in range(20)]
    path = f"/api/messages?wait=300&search={'+'.join(words)}"
    polls, streams = MAX_CONNECTIONS // 2, MAX_CONNECTIONS // 4
    with Client(inbox.port) as client, contextlib.ExitStack() as stack:
        for _ in range(scale(100, 300)):
            client.send(body)
        inbox.get("/api/messages?search=nothing")
        waiting = [stack.enter_context(inbox.ask(path)) for _ in range(polls)]
        for _ in range(streams):
            stack.enter_context(inbox.ask("/api/events"))
        time.sleep(0.5)
        before, began = inbox.resident, time.monotonic()
        number = scale(50, 300)
        for _ in range(number):
            client.send(body)
        each = (time.monotonic() - began) / number
        assert inbox.get("/api/messages?wait=300&search=nothing")[0] == 503
        assert inbox.get("/api/messages?limit=1")[0] == 200
        grown = inbox.resident - before - number * len(body)
        client.send(b"Subject: the last one\r\n\r\n" + " ".join(words).encode() + b"\r\n")
        for connection in waiting:
            connection.settimeout(20)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    said = f"inbox: a message while {polls} requests wait, {streams} streams are not read"
    figures.add(said, f"{each * 1000:.0f} ms")
    assert each < 0.25
    assert grown < number * 200 * KIB + streams * 256 * KIB


K = scale(100, 1000)

HOSTILE = {
    "tags": b"Content-Type: text/html\r\n\r\n" + b"<b>" * 1300 * K,
    "attributes": b"Content-Type: text/html\r\n\r\n" + (b"<a " + b"x " * 30 + b">\r\n") * 60 * K,
    "entities": b"Content-Type: text/html\r\n\r\n<p title='" + b"&lt;" * 1000 * K,
    "styles": b"Content-Type: text/html\r\n\r\n<style>" + b"url(cid:" * 500 * K,
    "a subject": b"Subject: " + b"x" * 8000 * K + b"\r\n\r\nx\r\n",
    "words of a subject": b"Subject: " + b"=?a?q?b?=" * 890 * K + b"\r\n\r\nx\r\n",
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 400 * K,
    "text": b"Subject: x\r\n\r\n" + (b"\xe9" * 76 + b"\r\n") * 390 * K,
}


def test_messages_that_take_long(directory, figures):
    """They are opened again and again, while others send; and the server stops at once."""
    with Inbox(directory) as server:
        with Client(server.port) as client:
            for content in HOSTILE.values():
                client.send(content + b"\r\n")
        assert server.get("/api/messages")[0] == 200
        before = server.resident
        with Watch(server.port) as watch:
            for number in range(1, len(HOSTILE) + 1):
                for path in (f"/messages/{number}", f"/api/messages/{number}", f"/messages/{number}/frame"):
                    assert server.get(path)[0] in (200, 404)
        grown = server.resident - before
        waiting = [server.ask(f"/messages/{number}/text") for number in range(1, len(HOSTILE) + 1)]
        time.sleep(0.2)
        (opener,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        began = time.monotonic()
        assert server.stop()
        assert not Path("/proc", opener).exists()
        stopped = time.monotonic() - began
        for each in waiting:
            each.close()
        assert "Traceback" not in server.log
    figures.add("inbox: a command while hostile messages are opened", f"{watch.worst * 1000:.0f} ms at most")
    figures.add("inbox: SIGTERM while hostile messages are opened", f"ended in {stopped:.1f} s")
    assert watch.worst < MAY_WAIT
    assert stopped < 5
    assert grown < 96 * MIB


def test_searches_without_end(inbox, figures):
    with Client(inbox.port) as client:
        for number in range(scale(200, 1000)):
            client.send(b"Subject: %d\r\n\r\n" % number + b"a" * 900 + b"\r\n")
    with contextlib.ExitStack() as stack, Watch(inbox.port) as watch:
        inbox.get("/api/messages?search=nothing")  # makes what is searched
        for _ in range(scale(20, 100)):
            stack.enter_context(inbox.ask("/?limit=1000&search=" + "+".join(["a" * 40 + "b"] * 20)))
            stack.enter_context(inbox.ask("/api/messages?limit=1000"))
        assert inbox.get("/api/messages?limit=1")[0] == 200
    figures.add("inbox: a command during many searches and lists", f"{watch.worst * 1000:.0f} ms at most")
    assert watch.worst < MAY_WAIT


@pytest.mark.skipif(not FULL, reason="a part of make siege: it takes half a minute, and half a GiB of memory")
def test_memory_has_a_bound(directory, figures):
    """Whatever it is filled with: content, envelopes, or what is kept for lists and searches."""
    with Inbox(directory, backend="memory:1000000") as server, Client(server.port) as client:
        before, most = server.resident, 0
        for number in range(14):
            client.send(b"Subject: %d\r\n\r\n" % number + (b"x" * 76 + b"\r\n") * 390_000)
        for number in range(1000):
            recipients = [hashlib.shake_256(b"%d %d" % (number, n)).hexdigest(110) for n in range(900)]
            said = b"".join(b"RCPT TO:<%b@localhost>\r\n" % each.encode() for each in recipients)
            client.socket.sendall(b"MAIL FROM:<>\r\n" + said)
            for _ in range(901):
                client.expect(b"250")
            client.ask(b"DATA\r\n", b"354")
            client.ask(b"Subject: " + b"%d " % number * 10_000 + b"\r\n\r\nx\r\n.\r\n")
            if number % 100 == 0:
                assert server.get("/api/messages?search=nothing")[0] == 200
                most = max(most, server.resident - before)
        assert server.stop()
    figures.add("inbox: memory with more messages than the limit", f"{most / MIB:.0f} MiB; the limit is 512 MiB")
    assert most < 700 * MIB
