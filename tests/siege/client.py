"""A normal client: one message after the other, each with its time."""

from __future__ import annotations

import socket
import ssl
import statistics
import time
from types import TracebackType

from tests.waiting import PATIENCE


class Refused(RuntimeError):
    """The server said something else than was hoped for."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply.decode(errors="replace"))
        self.code = int(reply[:3] or 0)


class Client:
    """
    A connection, with the hello said.

    Attributes:
        greeting: The last line of it.
    """

    def __init__(self, port: int, *, lmtp: bool = False, tls: bool = False, header: bytes = b"") -> None:
        """
        Args:
            tls: By STARTTLS, with no look at the certificate.
            header: Goes before everything.
        """
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._hello = b"LHLO client.example\r\n" if lmtp else b"EHLO client.example\r\n"
        if header:
            self.socket.sendall(header)
        self.file = self.socket.makefile("rb")
        try:
            self.greeting = self.expect(b"220")
            self.ask(self._hello, b"250")
            if tls:
                self._start_tls()
        except BaseException:
            self.close()
            raise

    def _start_tls(self) -> None:
        self.ask(b"STARTTLS\r\n", b"220")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.file.close()
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")
        self.ask(self._hello, b"250")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def reply(self) -> bytes:
        """The last line of the next reply; empty when the server has hung up."""
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line

    def expect(self, code: bytes) -> bytes:
        """
        The next reply.

        Raises:
            Refused: Its code is another.
            ConnectionError: There is none.
        """
        reply = self.reply()
        if not reply:
            raise ConnectionError("the server has hung up")
        if reply[:3] != code:
            raise Refused(reply)
        return reply

    def ask(self, octets: bytes, code: bytes = b"250") -> bytes:
        """Say ``octets`` and `expect` ``code``."""
        self.socket.sendall(octets)
        return self.expect(code)

    def envelope(self, recipient: bytes = b"b@localhost") -> None:
        """MAIL and RCPT."""
        self.ask(b"MAIL FROM:<a@client.example>\r\n")
        self.ask(b"RCPT TO:<%s>\r\n" % recipient)

    def send(self, body: bytes, recipient: bytes = b"b@localhost") -> bytes:
        """A message, a command at a time; ``body`` has its dots doubled."""
        self.envelope(recipient)
        self.ask(b"DATA\r\n", b"354")
        return self.ask(body + b".\r\n")

    def quit(self) -> None:
        """Say so, and go."""
        self.ask(b"QUIT\r\n", b"221")
        self.close()

    def latency(self, messages: int) -> float:
        """The median of the seconds that a small message takes."""
        times = []
        for _ in range(messages):
            began = time.perf_counter()
            self.send(b"Subject: hi\r\n\r\nhi\r\n")
            times.append(time.perf_counter() - began)
        return statistics.median(times)
