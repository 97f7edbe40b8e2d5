"""Clients that vanish (RST) at each phase: nothing of them is left, no message by half, no error nobody handled."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct

import pytest

from tests.maildir import stored
from tests.siege.besieged import MIB, Besieged
from tests.siege.client import Client
from tests.siege.crowd import half_a_hello
from tests.siege.scale import scale

NUMBER = scale(10, 300)

HELLO = b"EHLO client.example\r\n"
ENVELOPE = b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@localhost>\r\n"
BODY = b"Subject: hi\r\n\r\n" + b"x" * 70 + b"\r\n"

PHASES = {
    "connected": b"",
    "within a command": b"EHLO cli",
    "hello": HELLO,
    "MAIL": HELLO + ENVELOPE[:30],
    "RCPT": HELLO + ENVELOPE,
    "DATA": HELLO + ENVELOPE + b"DATA\r\n",
    "within a message": HELLO + ENVELOPE + b"DATA\r\n" + BODY,
    "within a large message": HELLO + ENVELOPE + b"DATA\r\n" + BODY * 5000,
    "the end of a message": HELLO + ENVELOPE + b"DATA\r\n" + BODY + b".\r\n",
    "within a chunk": HELLO + ENVELOPE + b"BDAT 100000\r\n" + BODY,
    "between chunks": HELLO + ENVELOPE + b"BDAT 2\r\nhi",
    "the last chunk": HELLO + ENVELOPE + b"BDAT 2 LAST\r\nhi",
    "within a login": HELLO + b"AUTH LOGIN\r\n",
    "a wrong password": HELLO + b"AUTH PLAIN AHVzZXIAd3Jvbmc=\r\n",
    "many commands": HELLO + b"NOOP\r\n" * 5000,
    "QUIT": HELLO + b"QUIT\r\n",
    "STARTTLS": HELLO + b"STARTTLS\r\n",
    "within a handshake": HELLO + b"STARTTLS\r\n",
}


def reset(connection: socket.socket) -> None:
    """Vanish."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def vanish(port: int, phase: str, number: int) -> None:
    connection = socket.create_connection(("127.0.0.1", port), 20)
    with contextlib.suppress(ConnectionError):
        if number % 2:  # one that waits for the greeting, one that does not
            connection.recv(1000)
        connection.sendall(PHASES[phase])
        if phase == "within a handshake":
            while b"220 2.0.0" not in connection.recv(4096):
                pass
            connection.sendall(half_a_hello())
    reset(connection)


@pytest.fixture
def server(directory, with_tls):
    options = ["--auth", "memory:user:correct horse", "--allow-insecure-auth", *with_tls]
    with Besieged(directory, "--backend", "maildir:Maildir", *options) as server:
        yield server


def test_at_each_phase(server, directory, figures):
    with Client(server.port) as client:
        client.send(BODY)
        before, memory = server.descriptors, server.resident
        for phase in PHASES:
            for number in range(NUMBER):
                vanish(server.port, phase, number)
        assert server.within(20, lambda: server.descriptors == before)
        client.send(BODY)
        grown = server.resident - memory
    for message in stored(directory / "Maildir"):
        assert message.endswith((BODY, b"\nhi"))
    assert server.within(5, lambda: not list((directory / "Maildir" / "tmp").iterdir()))
    assert server.stop()  # with no traceback in its log
    assert grown < 16 * MIB
    figures.add(
        "clients that disconnect", f"{len(PHASES) * NUMBER} in {len(PHASES)} phases, memory {grown / MIB:+.1f} MiB"
    )


def test_within_tls(server, directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Client(server.port) as client:
        client.send(BODY)  # so the Maildir is open, which stays so for a while
        before = server.descriptors
        for _ in range(NUMBER):
            for phase in ("connected", "RCPT", "within a message", "within a large message", "many commands"):
                connection = Client(server.port, tls=True)
                connection.socket.sendall(PHASES[phase])
                connection.file.close()
                reset(connection.socket)
        assert server.within(20, lambda: server.descriptors <= before)
        client.send(BODY)  # which opens the Maildir again, if it was closed
        assert server.within(5, lambda: server.descriptors == before)
    assert server.stop()
