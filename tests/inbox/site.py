"""The inbox in memory: a backend, a browser that speaks HTTP to it, and no socket."""

from __future__ import annotations

import http.client
import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import ConnectionAborted, ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from txsmtpx import MemoryBackend
from txsmtpx.backends.received import Received
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.inbox.faults import Faults
from txsmtpx.inbox.inbox import Inbox
from txsmtpx.inbox.inbox_backend import InboxBackend
from txsmtpx.inbox.inbox_memory_store import MemoryStore
from txsmtpx.inbox.inbox_site import InboxSite
from txsmtpx.inbox.inbox_store import InboxStore
from txsmtpx.inbox.mail_release import MailRelease
from txsmtpx.inbox.message_detail import parsed_content, rendered_view
from txsmtpx.interfaces import Results
from txsmtpx.web.web_login import WebLogin

ARRIVED = 1_750_000_000.25
"""Seconds since the epoch: 2025-06-15 15:06:40 UTC."""


class FakeParserProcess:
    """The process that opens long messages, without a process: it answers when the clock is advanced."""

    def __init__(self, reactor: Reactor, protocol: ProcessProtocol) -> None:
        self._reactor = reactor
        self._protocol = protocol
        self._requests = b""
        self._message = parsed_content(b"")
        self.ended = False
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        self._requests += data
        self._reactor.callLater(0, self._answer)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert not streaming
        self._producer = producer
        while self._producer is not None:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self._producer = None

    def _answer(self) -> None:
        line, newline, content = self._requests.partition(b"\n")
        if not newline or self.ended or self._reactor.hangs:
            return
        request = json.loads(line)
        if len(content) < request["size"]:
            return
        self._requests = content[request["size"] :]
        self._reactor.opened.append((request["view"], request["number"], request["size"]))
        if request["size"]:
            self._message = parsed_content(content)
        answer = rendered_view(self._message, request["view"], request["number"])
        said = b"-1\n" if answer is None else b"%d\n%b" % (len(answer), answer)
        for at in range(0, len(said), 100_000):
            self._protocol.childDataReceived(1, said[at : at + 100_000])

    def signalProcess(self, signal: str) -> None:
        assert signal == "KILL"
        if self.ended:
            raise ProcessExitedAlready
        self._reactor.callLater(0, self.end)

    def end(self, words: bytes = b"") -> None:
        """It ends, and may have said something before."""
        if not self.ended:
            self.ended = True
            self._protocol.childDataReceived(2, words)
            self._protocol.processEnded(Failure(ProcessTerminated(1)))


class Reactor(Clock):
    """
    A clock that starts processes.

    Attributes:
        processes: Those that were started.
        opened: What they were asked.
        hangs: Whether they do not answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeParserProcess] = []
        self.opened: list[tuple[str, int, int]] = []
        self.hangs = False

    def spawnProcess(
        self, protocol: ProcessProtocol, executable: str, args: list[str], env: dict[str, str] | None
    ) -> FakeParserProcess:
        assert (executable, args[0], env) == (sys.executable, sys.executable, None)
        self.processes.append(FakeParserProcess(self, protocol))
        return self.processes[-1]

    def work(self) -> None:
        """Do what can be done without waiting."""
        while any(call.getTime() <= self.seconds() for call in self.getDelayedCalls()):
            self.advance(0)


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


class LineTransport(StringTransport):
    """Tells the protocol that the connection is lost when that is aborted, as the transports of Twisted do."""

    def abortConnection(self) -> None:
        super().abortConnection()
        self.protocol.connectionLost(Failure(ConnectionAborted()))


class Line:
    """A connection on which one request has been sent."""

    def __init__(
        self, site: InboxSite, method: str, path: str, headers: dict[str, str], body: bytes = b"", work: bool = True
    ) -> None:
        """
        Args:
            work: Whether to do what can be done at once.
        """
        self._method = method
        self._work = site.reactor.work
        self.transport = LineTransport()
        self.protocol = self.transport.protocol = site.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        fields = {"Host": "localhost:8025", "Connection": "close"} | headers
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value), "", ""]
        self.protocol.dataReceived("\r\n".join(lines).encode("latin-1") + body)
        if work:
            self._work()

    @property
    def answer(self) -> Answer | None:
        """The answer, None while there is none."""
        self._work()
        return Answer(self.transport.value(), self._method) if self.transport.disconnecting else None


class Web:
    """
    An inbox and who looks at it.

    Args:
        names: Names of the host.
        file: The file in which the messages are; None for the memory.
        path: The path of the inbox.
        proxies: The networks of its proxies.
        origins: Other sites that may use its API.
        login: Makes its login.
        release: Makes what sends messages on.
        faults: The faults on demand.
        limits: Of the backend.
    """

    def __init__(
        self, *names: str, file: Path | None = None, path: str = "/", proxies: Sequence[str] = (),
        origins: Sequence[str] = (), login: Callable[[Reactor], WebLogin] | None = None,
        release: Callable[[Reactor], MailRelease] | None = None, faults: Faults | None = None, **limits: int
    ) -> None:  # fmt: skip
        self.clock = Reactor()
        self.file = file
        if file is None:
            self.backend = MemoryBackend(now=lambda: ARRIVED, **limits)
            self.store: InboxStore = MemoryStore(self.backend, self.clock)
        else:
            self.kept = InboxBackend(str(file), now=self._now, in_thread=maybeDeferred, **limits)
            self.store = self.kept.store
        checks = login and login(self.clock)
        self.site = InboxSite(
            Inbox(self.store, self.clock, release and release(self.clock), faults),
            self.clock,
            lambda: [("127.0.0.1", 1025)],
            names,
            path,
            proxies,
            origins,
            checks,
        )
        self.site.startFactory()

    def _now(self) -> float:
        return ARRIVED + self.clock.seconds()

    def stop(self) -> None:
        """The end; nothing is left that would go on."""
        self.site.stopFactory()
        self.clock.work()
        if self.file is not None:
            self.kept.store.close()

    def keep(
        self, content: bytes, *recipients: str, sender: str = "sender@client.example", results: Iterable[object] = (),
        username: str | None = None,
    ) -> Received:
        """Have a message arrive."""
        found = Results(results)
        connection = SimpleNamespace(
            username=username,
            peer_host="192.0.2.1",
            helo="client.example",
            with_protocol=lambda utf8: "ESMTP",
            kept_results=found,
        )
        envelope = SimpleNamespace(
            sender=sender,
            recipients=recipients or ("you@example.net",),
            options=MailOptions(),
            recipient_options=(RcptOptions(),),
            queue_id="0123456789AB",
            connection=connection,
            results=found,
        )
        if self.file is None:
            return self.backend.keep(content, envelope)
        received = Received.of(envelope, content, 0, self._now())
        number = self.kept.store.keep(received).result
        return replace(received, id=number)

    def ask(self, method: str, path: str, **headers: str) -> Answer:
        """One request, answered at once; ``Sec_Fetch_Site`` in Python is ``Sec-Fetch-Site`` on the wire."""
        answer = self.line(method, path, **headers).answer
        assert answer is not None
        return answer

    def line(self, method: str, path: str, work: bool = True, **headers: str) -> Line:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return Line(self.site, method, path, fields, work=work)

    def send(self, method: str, path: str, body: object, **headers: str) -> Answer:
        """One request with a body of JSON; ``body`` is octets, or a value."""
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(octets)), "Accept": "*/*"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = Line(self.site, method, path, fields, octets).answer
        assert answer is not None
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def json(self, path: str) -> Any:
        return self.get(path).json


@dataclass(frozen=True)
class Score:
    """What a filter has found."""

    virus: str
    score: float

    def facts(self) -> dict[str, str | float]:
        return asdict(self)
