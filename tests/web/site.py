"""The inbox in memory: a backend, a browser that speaks HTTP to it, and no socket."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from txsmtpx import MemoryBackend
from txsmtpx.backends.memory import Received
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.web.inbox import Inbox
from txsmtpx.web.site import InboxSite

ARRIVED = 1_750_000_000.25
"""Seconds since the epoch: 2025-06-15 15:06:40 UTC."""


class Reactor(Clock):
    """A clock with threads, each of which is done as soon as it has begun."""

    def getThreadPool(self) -> Reactor:
        return self

    def callInThreadWithCallback(self, done: Callable[..., None], work: Callable[..., Any], *args: Any) -> None:
        done(True, work(*args))

    def callFromThread(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)


class Answer:
    """What came back."""

    def __init__(self, octets: bytes, method: str) -> None:
        raw = http.client.HTTPResponse(SimpleNamespace(makefile=lambda mode: io.BytesIO(octets)), method=method)
        raw.begin()
        self.status = raw.status
        self.headers = raw.headers
        self.body = raw.read()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)


class Line:
    """A connection on which one request has been sent."""

    def __init__(self, site: InboxSite, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._method = method
        self.transport = StringTransport()
        self.protocol = site.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        fields = {"Host": "localhost:8025", "Connection": "close"} | headers
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value), "", ""]
        self.protocol.dataReceived("\r\n".join(lines).encode("latin-1") + body)

    @property
    def answer(self) -> Answer | None:
        """The answer, None while there is none."""
        return Answer(self.transport.value(), self._method) if self.transport.disconnecting else None


class Web:
    """An inbox and who looks at it."""

    def __init__(self, *names: str) -> None:
        self.clock = Reactor()
        self.backend = MemoryBackend(now=lambda: ARRIVED)
        self.site = InboxSite(Inbox(self.backend, self.clock), self.clock, lambda: [("127.0.0.1", 1025)], names)
        self.site.startFactory()

    def keep(self, content: bytes, *recipients: str, sender: str = "sender@client.example") -> Received:
        """Have a message arrive."""
        connection = SimpleNamespace(
            username=None, peer_host="192.0.2.1", helo="client.example", with_protocol=lambda utf8: "ESMTP"
        )
        envelope = SimpleNamespace(
            sender=sender,
            recipients=recipients or ("you@example.net",),
            options=MailOptions(),
            recipient_options=(RcptOptions(),),
            queue_id="0123456789AB",
            connection=connection,
        )
        return self.backend.keep(content, envelope)

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        """One request, answered at once; C{Sec_Fetch_Site} in Python is C{Sec-Fetch-Site} on the wire."""
        answer = self.line(method, path, **headers).answer
        assert answer is not None
        return answer

    def line(self, method: str, path: str, **headers: str) -> Line:
        return Line(self.site, method, path, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def json(self, path: str) -> Any:
        return self.get(path).json
