"""
Nobody can write a line of our log: whatever a client says, in whatever form the log is, control characters are escaped.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import unicodedata

import pytest

from tests.encoding import b64
from tests.waiting import PATIENCE
from tests.wire.twistd import LOCAL, Twistd

FORGED = "2026-01-01T00:00:00+0000 [-] forged"

EVIL = [
    b"\r" + FORGED.encode(),
    b"\x1b[2J\x1b]0;title\x07",
    b"\0",
    b"\x7f",
    b"\x0b\x0c",
    "\x85\u2028\u2029".encode() + FORGED.encode(),
    "\x9b31m".encode(),
    "\u202e\u2066\ufeff".encode(),
    b"\x80\xff",
    b"%(message)s {log_level} {0} {}",
]
"""What ends lines, in one program or another, moves what is seen on a terminal, or means something to a formatter."""


def conversations():
    """Everything in a session that may be quoted, with each of them in it."""
    for evil in EVIL:
        yield [b"EHLO " + evil + b".example"]
        yield [evil]
        yield [b"X" + evil + b" " + evil]
        begin = [b"EHLO client.example"]
        yield [*begin, b"MAIL FROM:<a" + evil + b"@client.example> SMTPUTF8", b"RCPT TO:<b@localhost>", b"DATA"]
        yield [*begin, b'MAIL FROM:<"' + evil + b'"@client.example> SMTPUTF8']
        yield [*begin, b"MAIL FROM:<a@client.example> SMTPUTF8", b"RCPT TO:<b" + evil + b"@localhost>", b"DATA"]
        yield [*begin, b"MAIL FROM:<a@client.example> X" + evil + b"=" + evil]
        yield [*begin, b"VRFY " + evil, b"EXPN " + evil, b"HELP " + evil]
        yield [*begin, b"AUTH " + evil, b"AUTH PLAIN " + evil]
        yield [*begin, b"AUTH PLAIN " + b64(b"\0" + evil + b"\n" + evil + b"\0" + evil).encode()]
        yield [*begin, b"AUTH LOGIN " + b64(b"\n" + evil).encode(), b64(evil).encode()]
        yield [*begin, b"XCLIENT NAME=" + evil, b"XCLIENT LOGIN=a+0A+1B" + evil, b"XFORWARD NAME=+0Aa"]
        message = [b"Subject: " + evil, b"From: " + evil, b"", evil, b"."]
        yield [*begin, b"MAIL FROM:<a@client.example>", b"RCPT TO:<b@localhost>", b"DATA", *message]
    yield [b"GET / HTTP/1.1\x1b[2J"]
    yield [b"\x16\x03\x01\x1b[2J"]


def say(port: int) -> None:
    """All at once, since the server waits after each login that failed."""
    with contextlib.ExitStack() as opened:
        connections = []
        for lines in conversations():
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            connections.append(connection)
            with contextlib.suppress(OSError):
                connection.sendall(b"\r\n".join([*lines, b""]))
                connection.shutdown(socket.SHUT_WR)
        for connection in connections:
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass


BACKENDS = ["log", "maildir:Maildir/{domain}/{local}", "memory"]
OPTIONS = ["--transcript", "--allow-insecure-auth", "--auth", "memory:user:correct horse", "--max-errors", "0"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def harmless(text: str) -> bool:
    """Whether nothing in it ends a line or moves a cursor."""
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in text)


def logged(directory, backend: str, *options: str) -> list[str]:
    """The lines of the log, and nothing but line feeds ends one."""
    with Twistd(directory, "-p", LOCAL, "-b", backend, *OPTIONS, *options, forked=True) as server:
        say(server.port)
        assert server.stop()
        content = (directory / "log").read_bytes().decode("utf-8")
    lines = content.split("\n")
    assert lines.pop() == ""
    assert len(lines) > 500
    return lines


def test_text(tmp_path, backend):
    lines = logged(tmp_path, backend)
    assert [line for line in lines if not harmless(line)] == []
    assert [line for line in lines if not re.match(r"\d{4}-\d\d-\d\dT[0-9:]{8}[+-]\d{4} \[[\w.#-]+\] ", line)] == []
    assert [line for line in lines if line.startswith(FORGED)] == []


def test_json(tmp_path, backend):
    for line in logged(tmp_path, backend, "--log-format", "json"):
        assert harmless(line)
        assert isinstance(json.loads(line), dict)
