"""Out of file descriptors: nobody is accepted for as long as that lasts, and nothing burns."""

from __future__ import annotations

import contextlib
import socket
import urllib.request

import pytest

from tests.ports import free_port
from tests.siege.besieged import MIB, Besieged
from tests.siege.client import Client
from tests.siege.scale import FULL, scale

FILES = scale(128, 1024)


def test_accepting_pauses_and_comes_back(directory, figures):
    with Besieged(directory, "--backend", "maildir:Maildir", files=FILES) as server, contextlib.ExitStack() as stack:
        inside = stack.enter_context(Client(server.port))
        waiting = []
        with contextlib.suppress(TimeoutError):
            while len(waiting) < 2 * FILES:  # more than it can have; the queue of the port is full before
                waiting.append(socket.create_connection(("127.0.0.1", server.port), 2.5))
        for connection in waiting:
            stack.callback(connection.close)
        server.logged("no new connections for now")
        inside.send(b"hi\r\n")  # a Maildir still finds what it needs
        burnt = server.busy(scale(1, 3))
        assert burnt < 0.1
        assert server.descriptors < FILES
        for connection in waiting:
            connection.close()
        server.logged("connections are accepted again")
        Client(server.port).quit()
        assert len(server.log) < MIB
        inside.quit()
        assert server.stop()
    figures.add(f"{FILES} descriptors, none free", f"{burnt:.0%} of a processor, {len(server.log)} octets of log")


INBOX = ("--web", "new ones take the place of silent ones", "has room for new connections again")
FIGURES = ("--metrics", *INBOX[1:])

NO_MAIL = {
    "the web inbox": (b"", *INBOX),
    "the event stream of the inbox": (b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n", *INBOX),
    "the inbox, with wait": (b"GET /api/messages?wait=300 HTTP/1.1\r\nHost: localhost\r\n\r\n", *INBOX),
    "the metrics": (b"", *FIGURES),
}


@pytest.mark.parametrize("what", NO_MAIL)
def test_ports_that_carry_no_mail_leave_descriptors_for_mail(directory, figures, what):
    """And the inbox answers other clients meanwhile."""
    said, option, full, over = NO_MAIL[what]
    port = free_port()
    options = ["--backend", "memory", option, str(port)]
    with Besieged(directory, *options, files=FILES) as server, contextlib.ExitStack() as stack:
        inside = stack.enter_context(Client(server.port))
        flood = []
        for _ in range(2 * FILES):
            connection = socket.create_connection(("127.0.0.1", port), 20)
            stack.callback(connection.close)
            with contextlib.suppress(ConnectionError):
                connection.sendall(said)
            flood.append(connection)
        server.logged(full)
        if option == "--web":
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/messages", timeout=20) as answer:
                assert answer.status == 200
        inside.send(b"hi\r\n")
        for _ in range(FILES // 2):
            stack.enter_context(Client(server.port)).send(b"hi\r\n")
        burnt, taken = server.busy(scale(1, 3)), server.descriptors
        assert burnt < 0.1
        for connection in flood:
            connection.close()
        server.logged(over)
        assert len(server.log) < MIB
        assert "Traceback" not in server.log
        inside.quit()
        stack.close()
        assert server.stop()
    figures.add(
        f"{2 * FILES} connections to {what}, with {FILES} descriptors",
        f"{FILES // 2} mail clients are served; {taken} descriptors in use",
    )


def test_a_unix_socket_too(directory):
    options = ["--backend", "null"]
    with Besieged(directory, *options, files=64, port="unix:socket") as server, contextlib.ExitStack() as stack:
        server.ports()
        with contextlib.suppress(BlockingIOError):
            while True:
                connection = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
                connection.setblocking(False)
                connection.connect(str(directory / "socket"))
        server.logged("no new connections for now")
        assert server.busy(1) < 0.1
        stack.close()
        server.logged("connections are accepted again")
        assert server.stop()


@pytest.mark.skipif(not FULL, reason="a part of make siege: it takes ten seconds")
def test_each_worker_for_itself(directory):
    options = ["--backend", "null", "--workers", "2"]
    with Besieged(directory, *options, files=64) as server, contextlib.ExitStack() as stack:
        server.logged(r"worker \d is ready", 2)
        with contextlib.suppress(TimeoutError):
            while True:
                connection = socket.create_connection(("127.0.0.1", server.port), 2.5)
                stack.enter_context(contextlib.closing(connection))
        server.logged(r"worker \d, txsmtpx.wire.descriptors#warn\] .* no new connections for now", 2)
        stack.close()
        server.logged("connections are accepted again", 2)
        Client(server.port).quit()
        assert server.stop()
