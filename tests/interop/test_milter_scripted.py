"""A scripted milter beside our server on real sockets: TLS, AUTH, other protocols, and a milter that is slow."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint

from tests.interop.filtered import behind, letter
from tests.milters import Milters, ScriptedMilter
from tests.waiting import eventually
from txsmtpx import FilterBackend, MemoryBackend
from txsmtpx.filters.milter import Milter, commands
from txsmtpx.filters.milter import filter_replies as replies
from txsmtpx.filters.milter.negotiation import ALL_ACTIONS, Negotiation, Steps
from txsmtpx.interfaces import Clock
from txsmtpx.testing import MailServer
from txsmtpx.testing.thread import ReactorThread

Room = Callable[[str], Path]
Scripted = tuple[Milters, Path, ReactorThread]


@pytest.fixture
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    """The scripted milter, its socket, and the thread in which it runs."""
    thread, made, path = ReactorThread(), Milters(), tmp_path_factory.mktemp("m") / "sock"
    thread.call(UNIXServerEndpoint(thread.reactor, str(path)).listen, made)
    yield made, path, thread
    thread.stop()


def asking(path: Path) -> Callable[[Clock], FilterBackend]:
    """Return the maker of a backend that asks a milter."""
    return lambda reactor: FilterBackend(MemoryBackend(), Milter(f"unix:{path}", reactor=reactor), reactor=reactor)


def ended(milters: Milters) -> ScriptedMilter:
    """Return the newest connection to the milter, after the end of its message."""
    return eventually(
        lambda: next(
            (each for each in milters.connections if any(isinstance(one, commands.EndOfMessage) for one in each.told)),
            None,
        )
    )


def test_the_macros_of_tls_and_auth(scripted: Scripted) -> None:
    milters, path, _ = scripted
    with MailServer(asking(path), tls="starttls", users={"me": "secret"}) as server:
        assert server.certificate is not None
        context = ssl.create_default_context(cafile=server.certificate.certificate)
        with smtplib.SMTP("localhost", server.port, timeout=30) as client:
            client.starttls(context=context)
            client.login("me", "secret")
            version, (cipher, _, bits) = client.sock.version(), client.sock.cipher()  # type: ignore[union-attr]
            client.sendmail("me@example.org", ["you@example.net"], letter())
    seen = ended(milters).macros
    assert seen[b"H"] == {
        b"{tls_version}": version.encode(),
        b"{cipher}": cipher.encode(),
        b"{cipher_bits}": b"%d" % bits,
    }
    assert (seen[b"M"][b"{auth_authen}"], seen[b"M"][b"{auth_type}"]) == (b"me", b"CRAM-MD5")


def test_smtputf8(scripted: Scripted) -> None:
    milters, path, _ = scripted
    milters.script = {commands.EndOfMessage: [replies.AddRecipient("<ö@example.net>".encode()), replies.Continue()]}
    with behind(path) as server, smtplib.SMTP(server.host, server.port, timeout=30) as client:
        message = letter("Subject: ü".encode())
        client.sendmail("ü@example.org", ["ä@example.net"], message, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        (received,) = server.messages
    assert received.recipients == ("ä@example.net", "ö@example.net")
    told = ended(milters).told
    mail = next(each for each in told if isinstance(each, commands.Mail))
    assert mail.address == "<ü@example.org>".encode()
    assert {b"SMTPUTF8", b"BODY=8BITMIME"} <= set(mail.arguments)
    assert commands.HeaderField(b"Subject", "ü".encode()) in told


def test_tcp(scripted: Scripted) -> None:
    milters, _, thread = scripted
    port = thread.call(TCP4ServerEndpoint(thread.reactor, 0, interface="127.0.0.1").listen, milters).getHost().port

    def backend(reactor: Clock) -> FilterBackend:
        return FilterBackend(MemoryBackend(), Milter(f"tcp:127.0.0.1:{port}", reactor=reactor), reactor=reactor)

    with MailServer(backend) as server, smtplib.SMTP(server.host, server.port, timeout=30) as client:
        client.sendmail("me@example.org", ["you@example.net"], letter())
        assert [each.content for each in server.messages] == [letter()]
    assert commands.HeaderField(b"Subject", b"Lunch") in ended(milters).told


def test_lmtp_and_bdat(scripted: Scripted) -> None:
    """The milter sees the same; each recipient gets the reply."""
    milters, path, _ = scripted
    milters.script = {commands.EndOfMessage: [replies.ReplyCode(b"554 5.6.0 No")]}

    with MailServer(asking(path), lmtp=True) as server, smtplib.LMTP(server.host, server.port) as client:
        client.ehlo()
        client.mail("me@example.org")
        for recipient in ("a@example.net", "b@example.net"):
            assert client.rcpt(recipient)[0] == 250
        message = letter(body=b"\0 any octets \r\r\n")
        client.send(b"BDAT %d LAST\r\n" % len(message) + message)
        assert [client.getreply() for _ in range(2)] == [
            (554, b"5.6.0 <a@example.net> No"),
            (554, b"5.6.0 <b@example.net> No"),
        ]
    assert commands.Body(b"\0 any octets \r\r\n") in ended(milters).told


def test_a_slow_milter_slows_the_client(scripted: Scripted) -> None:
    """The client is stopped after what the sockets hold; when the milter goes on, the message arrives whole."""
    milters, path, thread = scripted
    milters.negotiation = Negotiation(6, ALL_ACTIONS, Steps.SILENT_BODY)
    size, piece = 40 * 1024 * 1024, b"x" * 1022 + b"\r\n"
    with behind(path) as server, socket.create_connection((server.host, server.port), 30) as client:
        stream = client.makefile("rb")

        def ask(line: bytes) -> None:
            client.sendall(line)
            while stream.readline()[3:4] == b"-":
                pass

        for line in (b"EHLO a\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.net>\r\n", b"DATA\r\n"):
            ask(line)
        stream.readline()  # the greeting came first
        (connection,) = milters.connections
        thread.call(connection.transport.pauseProducing)
        client.settimeout(1)
        sent = client.send(b"Subject: x\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            while sent < size:
                sent += client.send(piece * 64)
        assert sent < 30 * 1024 * 1024
        thread.call(connection.transport.resumeProducing)
        client.settimeout(30)
        client.sendall(b"\r\n.\r\n")
        assert stream.readline().startswith(b"250 ")
        (received,) = server.messages
    bodies = [len(each.octets) for each in connection.told if isinstance(each, commands.Body)]
    assert sum(bodies) == len(received.content) - len(b"Subject: x\r\n\r\n")
    assert max(bodies) == 65_535
