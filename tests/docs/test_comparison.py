"""
The table of README.md compares txsmtpx with other libraries.  Each cell about a Python library is tried here.

The cells about go-smtp were tried with a server and a client at commit ab24fe7.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
import smtplib
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.mail import relaymanager, smtp

from tests.docs.page import ROOT
from tests.ports import free_port
from txsmtpx.testing import Conversation

HEAD, _, *ROWS = [
    [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell) for cell in line.split("|")[1:-1]]
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
]
CELLS = {row[0]: dict(zip(HEAD[1:], row[1:], strict=True)) for row in ROWS}
PATIENCE = 20.0


class Handler:
    """A handler of aiosmtpd, which keeps the envelopes."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Accept a message, with one reply."""
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def aiosmtpd() -> Iterator[Any]:
    """A running LMTP server of aiosmtpd."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.lmtp import LMTP

    class LMTPController(Controller):
        def factory(self) -> LMTP:
            return LMTP(self.handler, hostname="localhost")

    controller = LMTPController(Handler(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def keywords_of_twisted() -> set[bytes]:
    server = smtp.ESMTP()
    server.timeout = None
    server.makeConnection(StringTransport())
    server.lineReceived(b"EHLO client.example")
    return {line[4:].split(b" ")[0] for line in server.transport.value().splitlines()[1:]}


def test_columns() -> None:
    assert HEAD[1:] == ["txsmtpx", "twisted.mail", "aiosmtpd", "go-smtp", "aiosmtplib"]


def test_lmtp(aiosmtpd: Any) -> None:
    assert CELLS["LMTP: a reply for each recipient"]["aiosmtpd"] == "no"
    with smtplib.LMTP("127.0.0.1", aiosmtpd.port) as client:
        client.ehlo()
        for command in ("MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>"):
            assert client.docmd(command)[0] == 250
        assert client.data(b"Hey\r\n") == (250, b"OK")
        assert client.docmd("RSET") == (250, b"OK")
        assert client.docmd("NOSUCH")[0] == 500  # the next reply is that of the next command
    assert CELLS["LMTP: a reply for each recipient"]["twisted.mail"] == "no"
    assert not [name for name in dir(smtp) if "LMTP" in name.upper() or "LHLO" in name.upper()]


def test_streamed_messages(aiosmtpd: Any) -> None:
    row = CELLS["Streamed messages"]
    assert (row["aiosmtpd"], row["twisted.mail"], row["aiosmtplib"]) == ("no", "by line", "no")
    with smtplib.LMTP("127.0.0.1", aiosmtpd.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"x" * 70 + b"\r\n")
    assert aiosmtpd.handler.envelopes[0].content == b"x" * 70 + b"\r\n"
    assert "lineReceived" in smtp.IMessage
    aiosmtplib = pytest.importorskip("aiosmtplib")
    assert inspect.signature(aiosmtplib.SMTP.sendmail).parameters["message"].annotation in ("str | bytes", str | bytes)


def test_chunking(aiosmtpd: Any) -> None:
    row = CELLS["CHUNKING"]
    assert (row["txsmtpx"], row["twisted.mail"], row["aiosmtpd"]) == ("yes", "no", "no")
    client = Conversation()
    assert "250-CHUNKING" in client.ask("EHLO client.example")
    client.hang_up()
    assert b"CHUNKING" not in keywords_of_twisted()
    with smtplib.LMTP("127.0.0.1", aiosmtpd.port) as other:
        other.ehlo()
        assert not other.has_extn("CHUNKING")


def test_twisted_does_not_pipeline() -> None:
    assert CELLS["Client pipelining"]["twisted.mail"] == "no"
    sender = smtp.ESMTPSender(b"", b"", None, b"client.example")
    sender.timeout = None
    sender.requireAuthentication = sender.requireTransportSecurity = False
    sender.getMailFrom = lambda: b"a@example.org"  # type: ignore[method-assign]
    sender.getMailTo = lambda: [b"b@example.org"]  # type: ignore[method-assign]
    sender.makeConnection(transport := StringTransport())
    for reply in (b"220 mx.example.org\r\n", b"250-mx.example.org\r\n250 PIPELINING\r\n"):
        transport.clear()
        sender.dataReceived(reply)
    assert transport.value() == b"MAIL FROM:<a@example.org>\r\n"


class OneByOne(asyncio.Protocol):
    """A server that offers PIPELINING and CHUNKING, and keeps the segments that it receives."""

    def __init__(self) -> None:
        self.segments: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 mx.example.org\r\n")

    def data_received(self, data: bytes) -> None:
        self.segments.append(data)
        ehlo = b"250-mx.example.org\r\n250-CHUNKING\r\n250 PIPELINING\r\n"
        self.transport.write({b"EHLO": ehlo, b"DATA": b"354 go\r\n"}.get(data.split()[0], b"250 ok\r\n"))


def test_aiosmtplib_does_not_pipeline_or_chunk() -> None:
    assert (CELLS["Client pipelining"]["aiosmtplib"], CELLS["CHUNKING"]["aiosmtplib"]) == ("no", "no")
    aiosmtplib = pytest.importorskip("aiosmtplib")
    peer = OneByOne()

    async def send() -> None:
        async with await asyncio.get_running_loop().create_server(lambda: peer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=PATIENCE)
            await client.connect()
            await client.sendmail("a@example.org", ["b@example.org"], b"Hey\r\n")
            client.close()

    asyncio.run(send())
    assert [segment[:4] for segment in peer.segments] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"Hey\r"]


def test_verified_tls_by_default() -> None:
    row = CELLS["Verified TLS by default"]
    assert (row["twisted.mail"], row["aiosmtplib"]) == ("no", "if offered")
    assert inspect.signature(smtp.sendmail).parameters["requireTransportSecurity"].default is False
    parameters = inspect.signature(pytest.importorskip("aiosmtplib").send).parameters
    assert (parameters["start_tls"].default, parameters["validate_certs"].default) == (None, True)


def test_mx_lookup() -> None:
    assert (CELLS["MX lookup"]["twisted.mail"], CELLS["MX lookup"]["aiosmtplib"]) == ("yes", "no")
    assert relaymanager.MXCalculator
    # Python has no resolver of MX records, so a library that looks them up requires one.
    assert [each for each in importlib.metadata.requires("aiosmtplib") or [] if "dns" in each] == []


def test_pytest_fixtures() -> None:
    distributions = {each.dist.name for each in importlib.metadata.entry_points(group="pytest11") if each.dist}
    for library in ("aiosmtpd", "aiosmtplib"):
        assert CELLS["pytest fixtures"][library] == "no"
        assert library not in distributions
