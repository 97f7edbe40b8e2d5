"""
Server and client driven in memory, without a reactor, for instructions to be counted: see `benchmarks.instructions`.

Many connections say the same command, one after the other, and then they all say the next one; so what is counted
between two marks is that command alone.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogBeginner

from benchmarks.content import content
from txsmtpx import Result, SMTPClient, SMTPServerFactory
from txsmtpx.backends.plugins import backend_named
from txsmtpx.observers.log_writer import LogWriter
from txsmtpx.observers.text_format import TextFormat
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings

CONNECTIONS = 50

BODY = content("wrapped", 4096)

COMMANDS: tuple[tuple[str, bytes, bytes], ...] = (
    ("EHLO", b"EHLO client.example.org\r\n", b"250"),
    ("MAIL", b"MAIL FROM:<sender@example.org> SIZE=4096\r\n", b"250"),
    ("RCPT", b"RCPT TO:<recipient@example.net>\r\n", b"250"),
    ("DATA", b"DATA\r\n", b"354"),
    ("4 KB and a dot", BODY + b".\r\n", b"250"),
    ("RSET", b"RSET\r\n", b"250"),
    ("MAIL and RCPT in one segment", b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n", b"250"),
    ("100 RCPT in one segment", b"".join(b"RCPT TO:<recipient%d@example.net>\r\n" % n for n in range(100)), b"250"),
    ("4 KB by BDAT", b"BDAT %d LAST\r\n" % len(BODY) + BODY, b"250"),
    ("QUIT", b"QUIT\r\n", b"221"),
)
"""What is counted of a server: its name, what a client says, how the answer begins."""

CLIENT = "a message of 4 KB sent"


def names() -> list[str]:
    """What lies between one mark and the next."""
    return ["a connection", *[name for name, _, _ in COMMANDS], CLIENT]


def serve(mark: Callable[[], object]) -> None:
    """Let a server answer every command on every connection."""
    factory = SMTPServerFactory(backend_named("log"), observers=[TransactionLog()], reactor=Clock())
    mark()
    servers = [_connected(factory.buildProtocol(None)) for _ in range(CONNECTIONS)]
    mark()
    for name, octets, reply in COMMANDS:
        for server in servers:
            server.transport.clear()
        for server in servers:
            server.dataReceived(octets)
        mark()
        for server in servers:
            assert server.transport.value().startswith(reply), (name, server.transport.value())


def send(mark: Callable[[], object]) -> None:
    """Let a client send its second message on every connection."""
    clients = [connected_client() for _ in range(CONNECTIONS)]
    for client in clients:
        answered(client)
    mark()
    sent = [answered(client) for client in clients]
    mark()
    assert all(each.called for each in sent)


def connected_client() -> SMTPClient:
    """Return a client that has sent EHLO to a server with PIPELINING."""
    protocol = _connected(ClientProtocol(ClientSettings(domain="localhost"), reactor=Clock()))
    client = SMTPClient(protocol)
    protocol.dataReceived(b"220 server ESMTP\r\n")
    client.hello()
    protocol.dataReceived(b"250-server\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n")
    return client


def answered(client: SMTPClient) -> Deferred[Result]:
    """Send a message whose every command is accepted, and return its result."""
    sent = client.send("sender@example.org", ["recipient@example.net"], BODY)
    client.protocol.dataReceived(b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n")
    client.protocol.dataReceived(b"250 2.0.0 ok\r\n")
    return sent


def _connected(protocol: Any) -> Any:
    protocol.makeConnection(StringTransport())
    return protocol


def main() -> None:
    """Everything thrice to warm up, since Python is faster then, and once to be counted; a mark is ``getppid``."""
    with open(os.devnull, "w") as quiet:
        globalLogBeginner.beginLoggingTo([LogWriter(quiet, TextFormat())], redirectStandardIO=False)
        for _ in range(3):
            serve(lambda: None)
            send(lambda: None)
        gc.collect()
        gc.disable()  # it would run now here, now there
        serve(os.getppid)
        send(os.getppid)


if __name__ == "__main__":
    main()
