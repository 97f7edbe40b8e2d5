"""The configuration of the examples for operators, in a place of ours, and a client of the two ports that it has."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from pathlib import Path

from tests.waiting import PATIENCE, eventually
from txsmtpx.passwd import hashes, store
from txsmtpx.testing import issue


def configured(example: Path, directory: Path) -> str:
    """
    A copy of ``txsmtpx.toml`` of ``example``, with what it names below ``directory``.

    Returns:
        Its path.
    """
    pem = issue(directory, "mx.example.org", "mx.example.org")
    (directory / "certificates").mkdir()
    pem.both.rename(directory / "certificates" / "mx.example.org.pem")
    store(str(directory / "passwords"), "me", hashes("scram", b"secret", 4096))
    text = (example / "txsmtpx.toml").read_text()
    file = directory / "txsmtpx.toml"
    file.write_text(text.replace("/etc/txsmtpx", str(directory)).replace("/var/lib/txsmtpx", f"{directory}/mail"))
    return str(file)


def deliver_to_both(directory: Path, mx: tuple[str, int], submission: tuple[str, int]) -> None:
    """A message to each: by STARTTLS, and in TLS after a login."""
    trusted = ssl.create_default_context(cafile=directory / "mx.example.org.crt")
    with _connected(mx) as client:
        client._host = "mx.example.org"
        client.starttls(context=trusted)
        client.sendmail("a@client.example", ["b@mx.example.org"], "Subject: hi\r\n\r\n")
    with _connected(submission, trusted) as client:
        client.login("me", "secret")
        client.sendmail("a@client.example", ["b@mx.example.org"], "Subject: hi\r\n\r\n")


def _connected(address: tuple[str, int], trusted: ssl.SSLContext | None = None) -> smtplib.SMTP:
    """A client, when it has been greeted; in TLS, if it is to trust somebody."""
    client = smtplib.SMTP(timeout=PATIENCE)
    client.sock = eventually(lambda: _socket(address))
    if trusted is not None:
        client.sock = trusted.wrap_socket(client.sock, server_hostname="mx.example.org")
    assert client.getreply()[0] == 220
    return client


def _socket(address: tuple[str, int]) -> socket.socket | None:
    """A connection; None as long as the server does not listen."""
    with contextlib.suppress(ConnectionRefusedError):
        return socket.create_connection(address, PATIENCE)
    return None


def privileged_port() -> int:
    """One that only root may open, and that nobody has."""
    for port in range(1023, 0, -1):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise OSError("all of them are in use")
