"""A web application in memory, beside a mail server in memory that sends it mail."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock

from tests.filters.daemon import Daemon, Pipe
from txsmtpx.backends.http import HTTPBackend
from txsmtpx.testing import Conversation

HELLO = b"Subject: Hello\r\n\r\nHow are you?\r\n"
LATER = "451 4.3.0 The application has not accepted the message, try again later"


class Request:
    """
    A request as the application has got it so far.

    Attributes:
        line: The first line.
        headers: The headers, with names in lower case.
        body: The body, without chunks.
        chunked: Whether it comes in chunks.
        whole: Whether its end has come.
    """

    def __init__(self, octets: bytes) -> None:
        head, _, body = octets.partition(b"\r\n\r\n")
        self.line, *lines = head.decode("ascii").split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        if self.chunked:
            self.body, self.whole = self._unchunked(body)
        else:
            self.body, self.whole = body, len(body) == int(self.headers.get("content-length", 0))

    def _unchunked(self, octets: bytes) -> tuple[bytes, bool]:
        found = b""
        while octets:
            size, _, octets = octets.partition(b"\r\n")
            if size == b"0":
                return found, octets == b"\r\n"
            found += octets[: int(size, 16)]
            octets = octets[int(size, 16) + 2 :]
        return found, False


class Application(Daemon):
    """The application.  A test reads its requests and answers them."""

    def __init__(self, mode: str = "") -> None:
        super().__init__(mode)
        self.octets: dict[int, bytes] = {}

    @property
    def open(self) -> list[Pipe]:
        """The connections that are open."""
        return [pipe for pipe in self.pipes if not pipe.lost]

    def request(self, number: int = 0) -> Request:
        """Return what has come on a connection since the last answer."""
        self.octets[number] = self.octets.get(number, b"") + self.pipes[number].asked
        return Request(self.octets[number])

    def answer(self, status: int, body: str | dict[str, object] = "", number: int = 0) -> Request:
        """Answer a request, which is returned."""
        request = self.request(number)
        self.octets[number] = b""
        kind = "text/plain" if isinstance(body, str) else "application/json"
        octets = (body if isinstance(body, str) else json.dumps(body)).encode()
        head = f"HTTP/1.1 {status} Reason\r\nContent-Type: {kind}\r\nContent-Length: {len(octets)}\r\n\r\n"
        self.pipes[number].say(head.encode() + octets)
        return request


class Mail:
    """
    A client whose mail goes to an application.

    Attributes:
        application: The application.
        client: The client.
        clock: The clock.
    """

    def __init__(
        self,
        url: str = "http://app.example.org/mail",
        mode: str = "",
        lmtp: bool = False,
        server: dict[str, Any] | None = None,
        **how: Any,
    ) -> None:
        self.clock = Clock()
        self.application = Application(mode)
        self.backend = HTTPBackend(url, endpoint=self.application, reactor=self.clock, **how)
        self.client = Conversation(self.backend, clock=self.clock, lmtp=lmtp, **(server or {}))
        self.client.ask("LHLO client.example" if lmtp else "EHLO client.example")

    def begin(self, *recipients: str, sender: str = "a@client.example") -> list[str]:
        """Send an envelope, and DATA; return the replies."""
        to = [f"RCPT TO:<{each}>" for each in recipients or ("b@example.org",)]
        return self.client.ask(f"MAIL FROM:<{sender}>", *to, "DATA")

    def send(self, content: bytes = HELLO, *recipients: str) -> None:
        """Send a message to its end."""
        self.begin(*recipients)
        self.client.send(content + b".\r\n")

    def end(self) -> None:
        """Hang up; nothing may be left."""
        self.backend.close()
        self.client.hang_up()
        assert self.clock.getDelayedCalls() == []
