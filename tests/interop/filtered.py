"""A server of ours behind milters, and messages for it."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from pathlib import Path

from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.milter import Milter
from txsmtpx.interfaces import BackendLike, Clock
from txsmtpx.testing import MailServer


def behind(*sockets: Path, backend: BackendLike | None = None, **settings: object) -> MailServer:
    """Return a server that asks the milters at these sockets, in their order."""

    def make(reactor: Clock) -> FilterBackend:
        milters = [Milter(f"unix:{path}", reactor=reactor) for path in sockets]
        return FilterBackend(backend or MemoryBackend(), *milters)

    return MailServer(make, **settings)  # type: ignore[arg-type]


def letter(*fields: bytes, body: bytes = b"At noon?\r\n", sender: bytes = b"me@example.org") -> bytes:
    """Return a message, with further fields above its own."""
    own = [
        b"From: " + sender, b"To: you@example.net", b"Subject: Lunch", b"Message-ID: <1@example.org>",
        b"Date: Mon, 30 Nov 2026 12:00:00 +0000",
    ]  # fmt: skip
    return b"\r\n".join([*fields, *own, b"", body])


def send(
    server: MailServer, message: bytes, sender: str = "me@example.org", recipients: Sequence[str] = ("you@example.net",)
) -> None:
    """Send a message, as a client of Python's does."""
    with smtplib.SMTP(server.host, server.port, timeout=30) as client:
        client.sendmail(sender, list(recipients), message)


def refusal(server: MailServer, message: bytes) -> tuple[int, str]:
    """Send a message that is rejected after its data; return the code and the text of the reply."""
    try:
        send(server, message)
    except smtplib.SMTPDataError as error:
        return error.smtp_code, bytes(error.smtp_error).decode()
    raise AssertionError("the message was accepted")
