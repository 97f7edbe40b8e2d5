"""A server of ours behind milters, and messages for it."""

from __future__ import annotations

import smtplib
from pathlib import Path

from txsmtpx import FilterBackend, MemoryBackend, RelayBackend
from txsmtpx.filters.milter import Milter
from txsmtpx.filters.milter.milter import KEPT
from txsmtpx.interfaces import Clock
from txsmtpx.testing import MailServer


def behind(*sockets: Path, next_port: int = 0, kept: int = KEPT) -> MailServer:
    """
    Return a server that asks milters.

    Args:
        sockets: Where the milters are, in the order in which they are asked.
        next_port: The port of the server to which it relays; 0 keeps the mail in memory.
        kept: The connections to each milter that are kept for another session.
    """

    def make(reactor: Clock) -> FilterBackend:
        milters = [Milter(f"unix:{path}", kept=kept, reactor=reactor) for path in sockets]
        if not next_port:
            return FilterBackend(MemoryBackend(), *milters, reactor=reactor)
        relay = RelayBackend([f"tcp:127.0.0.1:{next_port}"], domains=["example.net"], reactor=reactor)
        return FilterBackend(relay, *milters, reactor=reactor)

    return MailServer(make, trusted_networks=["127.0.0.0/8"])


def letter(*fields: bytes, body: bytes = b"At noon?\r\n", sender: bytes = b"me@example.org") -> bytes:
    """Return a message, with further fields above its own."""
    own = [
        b"From: " + sender, b"To: you@example.net", b"Subject: Lunch", b"Message-ID: <1@example.org>",
        b"Date: Mon, 30 Nov 2026 12:00:00 +0000",
    ]  # fmt: skip
    return b"\r\n".join([*fields, *own, b"", body])


def send(server: MailServer, message: bytes, client_address: str = "") -> None:
    """Send a message, as a client of Python's does; by XCLIENT from another address."""
    with smtplib.SMTP(server.host, server.port, timeout=30) as client:
        if client_address:
            client.ehlo()
            assert client.docmd("XCLIENT", f"ADDR={client_address}")[0] == 220
            client.ehlo()
        client.sendmail("me@example.org", ["you@example.net"], message)


def refusal(server: MailServer, message: bytes, client_address: str = "") -> tuple[int, str]:
    """Send a message that is rejected after its data; return the code and the text of the reply."""
    try:
        send(server, message, client_address)
    except smtplib.SMTPDataError as error:
        return error.smtp_code, bytes(error.smtp_error).decode()
    raise AssertionError("the message was accepted")
