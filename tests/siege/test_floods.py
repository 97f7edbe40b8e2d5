"""
Floods: connections, commands, errors, recipients, passwords without end, and talk before the greeting.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from tests.interop.conftest import need
from tests.interop.process import running
from tests.ports import free_port
from tests.siege.besieged import MIB, Besieged
from tests.siege.client import Client, Refused
from tests.siege.crowd import Crowd
from tests.siege.scale import scale
from tests.wire.twistd import LOCAL

TOO_MANY = b"421 4.7.0 Too many connections, try again later\r\n"

CAP = scale(50, 1000)


def greeting(port: int, address: str = "127.0.0.1") -> bytes:
    """What the server says to one more, from ``address``."""
    connection = socket.create_connection(("127.0.0.1", port), 20, (address, 0))
    with connection, connection.makefile("rb") as file:
        return file.readline()


def test_connections_beyond_the_cap(directory, figures):
    flood = scale(200, 3000)
    with Besieged(directory, "--backend", "null", "--max-connections", str(CAP + 1)) as server:
        with Client(server.port) as client, Crowd(server.port, idle=CAP):
            began, served = time.monotonic(), 0
            for number in range(flood):
                assert greeting(server.port) == TOO_MANY
                if number % (flood // 20) == 0:
                    client.send(b"hi\r\n")
                    served += 1
            rate = flood / (time.monotonic() - began)
        server.eventually(lambda: greeting(server.port)[:4] == b"220 ")
        assert server.stop()
    assert served == 20
    figures.add(
        "connections beyond the limit", f"{flood} rejected by 421 4.7.0, {rate:.0f} a second; the others are served"
    )


def test_a_host_beyond_its_cap(directory):
    with Besieged(directory, "--backend", "null", "--max-connections-per-host", "3") as server:
        with Crowd(server.port, idle=3):
            assert [greeting(server.port) for _ in range(20)] == [TOO_MANY] * 20
            assert greeting(server.port, "127.0.0.2")[:4] == b"220 "
        server.eventually(lambda: greeting(server.port)[:4] == b"220 ")
        assert server.stop()


HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen mail
    bind 127.0.0.1:{port}
    server smtpx 127.0.0.1:{behind} {send}
"""


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_a_host_beyond_its_cap_behind_haproxy(directory, send):
    need("haproxy")
    port = free_port()
    with Besieged(directory, "--backend", "null", "--max-connections-per-host", "2", port="haproxy:" + LOCAL) as server:
        configuration = directory / "haproxy.cfg"
        configuration.write_text(HAPROXY.format(port=port, behind=server.port, send=send))
        with running(["haproxy", "-db", "-f", configuration], directory, port):
            with contextlib.ExitStack() as stack:
                for _ in range(2):
                    assert stack.enter_context(Client(port)).ask(b"NOOP\r\n")
                with pytest.raises(Refused) as refused:
                    Client(port)
                assert refused.value.code == 421
                # Another client of the same proxy is not to blame.
                other = socket.create_connection(("127.0.0.1", port), 20, ("127.0.0.2", 0))
                with other, other.makefile("rb") as file:
                    assert file.readline()[:4] == b"220 "
                    other.sendall(b"NOOP\r\n")
                    assert file.readline()[:4] == b"250 "
            server.eventually(lambda: Client(port).quit() is None)


class Torrent:
    """A client that says the same without end, and reads what is answered."""

    def __init__(self, port: int, said: bytes, begin: bytes = b"") -> None:
        self._client = Client(port)
        self._said = said
        if begin:
            self._client.ask(begin)
        self.answered = 0
        self._threads = [threading.Thread(target=each) for each in (self._say, self._hear)]
        for thread in self._threads:
            thread.start()

    def _say(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._client.socket.sendall(self._said * 1000)

    def _hear(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while octets := self._client.socket.recv(65536):
                self.answered += octets.count(b"\n")

    def __enter__(self) -> Torrent:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._client.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._client.close()


ENDLESS = {
    "commands": (b"NOOP\r\n", b""),
    "recipients": (b"RCPT TO:<b@localhost>\r\n", b"MAIL FROM:<a@client.example>\r\n"),
    "a line": (b"x" * 1000, b""),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_without_end(directory, figures, what):
    messages = scale(50, 300)
    said, begin = ENDLESS[what]
    with Besieged(directory, "--backend", "null") as server:
        with Client(server.port) as client:
            alone, before = client.latency(messages), server.resident
            with Torrent(server.port, said, begin) as torrent:
                server.eventually(lambda: torrent.answered > 2000 or what == "a line")
                besieged, grown = client.latency(messages), server.resident - before
        assert server.stop()
    figures.add(
        f"{what}, endless", f"median latency of other clients {besieged * 1000:.2f} ms, {alone * 1000:.2f} without it"
    )
    # Others wait for a turn of it at each of their four steps, and for the processor, which it shares with us.
    assert besieged < alone + 0.05
    assert grown < 8 * MIB


def test_errors_without_end(directory):
    with Besieged(directory, "--backend", "null", "--max-errors", "7") as server, Client(server.port) as client:
        for _ in range(6):
            with pytest.raises(Refused, match=r"500 5\.5\.2"):
                client.ask(b"WHAT\r\n")
        client.send(b"hi\r\n")  # which is no error, and begins the count anew
        client.socket.sendall(b"WHAT\r\n" * 20)
        said = [client.reply() for _ in range(9)]
        assert said[6] == b"500 5.5.2 Command not recognized\r\n"
        assert said[7:] == [b"421 4.7.0 Too many errors, closing the connection\r\n", b""]


def test_recipients_beyond_the_limit(directory):
    with Besieged(directory, "--backend", "maildir:Maildir", "--max-recipients", "5") as server:
        with Client(server.port) as client:
            client.ask(b"MAIL FROM:<a@client.example>\r\n")
            client.socket.sendall(b"RCPT TO:<b@localhost>\r\n" * 1000)
            said = [client.reply()[:9] for _ in range(1000)]
            assert said == [b"250 2.1.5"] * 5 + [b"452 4.5.3"] * 995
            client.ask(b"DATA\r\n", b"354")
            client.ask(b"hi\r\n.\r\n")
        assert server.stop()


@pytest.mark.parametrize("with_header", [False, True])
def test_talk_before_the_greeting(directory, with_header):
    header = b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n" if with_header else b""
    port = "haproxy:" + LOCAL if with_header else LOCAL
    with Besieged(directory, "--backend", "null", "--greeting-delay", "0.5", port=port) as server:
        early = socket.create_connection(("127.0.0.1", server.port), 20)
        with early, early.makefile("rb") as file:
            early.sendall(header + b"EHLO client.example\r\n")
            assert file.readlines() == [b"554 5.5.1 Wait for the greeting before the first command\r\n"]
        began = time.monotonic()
        with Client(server.port, header=header) as patient:
            assert time.monotonic() - began >= 0.5
            patient.send(b"hi\r\n")


def test_passwords_without_end(directory, figures):
    options = ["--auth", "memory:user:correct horse", "--allow-insecure-auth"]
    with (
        Besieged(directory, "--backend", "null", *options) as server,
        Client(server.port) as normal,
        Client(server.port) as guesser,
    ):
        guesser.socket.sendall(b"AUTH PLAIN AHVzZXIAd3Jvbmc=\r\n" * 100)
        began, times = time.monotonic(), []
        while guesser.reply():
            times.append(time.monotonic() - began)
            normal.send(b"hi\r\n")
    # 535 after one second, two more, three more, and then 421.
    assert len(times) == 4
    assert times[2] >= 6
    figures.add("failed logins of a connection", f"3 in {times[2]:.1f} s, then 421 4.7.0")
