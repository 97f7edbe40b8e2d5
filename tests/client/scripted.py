"""
A server that says what it is told and fails where it is told, and a network in memory for our client.

It shares no code with the library: what it understands of a message is what a server of someone else's would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import connect
from zope.interface import implementer

from tests.wire.link import Transport
from txsmtpx import SMTPClient

SILENCE = ""
"""An answer: none."""

HANG_UP = b""
"""An answer: the end of the connection."""

USUAL: Mapping[str, Any] = {
    "": "220 scripted.example",
    "HELO": "250 scripted.example",
    "MAIL": "250 2.1.0 Sender ok",
    "RCPT": "250 2.1.5 Recipient ok",
    "DATA": "354 Go on",
    "BDAT": "250 2.0.0 Chunk ok",
    ".": "250 2.0.0 Taken",
    "VRFY": "252 2.5.0 Perhaps",
    "STARTTLS": "220 2.0.0 Ready",
    "QUIT": "221 2.0.0 Bye",
}


class ScriptedServer(Protocol):
    r"""
    One connection.

    An answer is the lines of a reply, C{SILENCE}, C{HANG_UP}, octets that are said as they are, or a function of the
    verb's argument that gives one of these; or a list of them, one a command, and then the usual.  "" is the greeting
    and "." the end of a message, by DATA or BDAT; under LMTP it is answered once for each recipient.

    @ivar lines: the commands heard.
    @ivar messages: the complete messages, unstuffed.
    @ivar raw: the octets that came after 354, with what ended them.
    @ivar chunks: the octets of each BDAT.
    @ivar tls: whether TLS has been started.
    @ivar said: octets, so far.
    @ivar heard: octets, so far.
    """

    transport: Any

    def __init__(
        self,
        offers: Sequence[str] = (),
        lmtp: bool = False,
        tls: Any = None,
        says: int | None = None,
        hears: int | None = None,
        hasty: bool = False,
        **answers: Any,
    ) -> None:
        """
        @param offers: keywords, with what stands behind them.
        @param tls: for STARTTLS: what C{startTLS} takes.
        @param says: octets after which it hangs up.
        @param hears: octets after which it hangs up.
        @param hasty: BDAT is answered before its octets have come.
        @param answers: by verb; C{GREETING} and C{END} for those that are no names.
        """
        given = {{"GREETING": "", "END": "."}.get(verb, verb): answer for verb, answer in answers.items()}
        self.answers = {verb: list(answer) if isinstance(answer, list) else answer for verb, answer in given.items()}
        self.offers = list(offers)
        self.lmtp = lmtp
        self.lines: list[str] = []
        self.messages: list[bytes] = []
        self.raw = b""
        self.chunks: list[bytes] = []
        self.tls = False
        self.lost = False
        self._tls_options = tls
        self.said = self.heard = 0
        self._says, self._hears, self._hasty = says, hears, hasty
        self._buffer = b""
        self._accepted = 0
        self._in_data = False
        self._expected: int | None = None
        self._last = False
        self._exchange: Iterator[Any] | None = None

    @property
    def verbs(self) -> list[str]:
        """What was asked, by verb."""
        return [line.partition(" ")[0] for line in self.lines]

    def connectionMade(self) -> None:
        self._answer("")

    def dataReceived(self, data: bytes) -> None:
        if self._hears is not None:
            data = data[: self._hears - self.heard]
        self.heard += len(data)
        self._buffer += data
        while self._step():
            pass
        if self.heard == self._hears:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost = True

    def say(self, answer: Any) -> None:
        """Say it, asked or not."""
        if isinstance(answer, str):
            answer = "".join(f"{line}\r\n" for line in answer.split("\n")).encode() if answer else None
        if answer == HANG_UP:
            self.transport.loseConnection()
        elif answer is not None:
            if self._says is not None:
                answer = answer[: self._says - self.said]
            self.said += len(answer)
            self.transport.write(answer)
            if self.said == self._says:
                self.transport.loseConnection()

    # ---- what it understands

    def _step(self) -> bool:
        if self._expected is not None:
            return self._take_chunk()
        if self._in_data:
            return self._take_data()
        line, end, self._buffer = self._buffer.partition(b"\r\n")
        if not end:
            self._buffer = line
            return False
        self._command(line.decode("utf-8", "backslashreplace"))
        return True

    def _command(self, line: str) -> None:
        self.lines.append(line)
        if self._exchange is not None:
            self._go_on(line)
            return
        verb, _, argument = line.partition(" ")
        if verb == "BDAT":
            octets, self._last = argument.removesuffix(" LAST"), argument.endswith(" LAST")
            self._expected = int(octets)
            if self._hasty:
                self._chunk_answers()
            return
        reply = self._answer(verb, argument)
        if verb in ("MAIL", "RSET", "EHLO", "LHLO", "HELO"):
            self._accepted, self.chunks = 0, []
        elif verb == "RCPT":
            self._accepted += reply.startswith("2")
        elif verb == "DATA":
            self._in_data, self.raw = reply.startswith("354"), b""
        elif verb == "STARTTLS" and reply.startswith("2") and self._tls_options is not None:
            self.tls, self.offers = True, [each for each in self.offers if each != "STARTTLS"]
            self.transport.startTLS(self._tls_options)
        elif verb == "QUIT" and reply.startswith("2"):
            self.transport.loseConnection()

    def _take_data(self) -> bool:
        octets = self.raw + self._buffer
        self.raw, self._buffer = octets, b""
        match = re.search(rb"(?:\A|\r\n)\.\r\n", octets)
        if match is None:
            return False
        self.raw, self._buffer = octets[: match.end()], octets[match.end() :]
        self._in_data = False
        stuffed = self.raw[:-3]
        self.messages.append(re.sub(rb"(\A|\r\n)\.", rb"\1", stuffed))
        for _ in range(self._accepted if self.lmtp else 1):
            self._answer(".")
        return True

    def _take_chunk(self) -> bool:
        assert self._expected is not None
        if len(self._buffer) < self._expected:
            return False
        self.chunks.append(self._buffer[: self._expected])
        self._buffer = self._buffer[self._expected :]
        self._expected = None
        if self._last and self._accepted:
            self.messages.append(b"".join(self.chunks))
        if not self._hasty:
            self._chunk_answers()
        return True

    def _chunk_answers(self) -> None:
        if not self._accepted:
            self.say(self.answers.get("BDAT", "503 5.5.1 For whom"))
        elif self._last:
            for _ in range(self._accepted if self.lmtp else 1):
                self._answer(".")
        else:
            self._answer("BDAT")

    def _answer(self, verb: str, argument: str = "") -> str:
        answer = self.answers.get(verb)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        if callable(answer):
            answer = answer(argument)
        if isinstance(answer, Iterator):
            exchange, answer = answer, next(answer)
            self._exchange = exchange if answer.startswith("334") else None
        if answer is None:
            answer = USUAL.get(verb, "250 2.0.0 Ok") if verb not in ("EHLO", "LHLO") else self._hello()
        self.say(answer)
        return answer if isinstance(answer, str) else ""

    def _hello(self) -> str:
        lines = ["scripted.example", *self.offers]
        return "\n".join(f"250{' ' if n == len(lines) else '-'}{line}" for n, line in enumerate(lines, 1))

    def _go_on(self, line: str) -> None:
        """An exchange, which is a generator of answers to lines."""
        assert self._exchange is not None
        answer = self._exchange.send(line)  # type: ignore[attr-defined]
        if not answer.startswith("334"):
            self._exchange = None
        self.say(answer)


async def listening(reactor: Any, make: Callable[[], Protocol]) -> Any:
    """A port of the loopback interface where C{make} makes the servers; C{stopListening} ends it."""
    factory = Factory()
    factory.noisy = False
    factory.buildProtocol = lambda address: make()  # type: ignore[method-assign,assignment]
    return await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)


@implementer(IStreamClientEndpoint)
class Network:
    """
    An endpoint: each connection goes, in memory, to a server of its own.

    @ivar clock: the time.
    @ivar servers: those connected to so far.
    @ivar clients: what connected to them.
    """

    def __init__(self, *servers: Any, one_by_one: bool = False) -> None:
        """
        @param servers: a server a connection, or a function that makes one for as many as come.
        @param one_by_one: what the server says arrives octet by octet.
        """
        self.clock = Clock()
        self.servers: list[Any] = []
        self.clients: list[Any] = []
        self.pumps: list[Any] = []
        self._next = list(servers)
        self._one_by_one = one_by_one

    def connect(self, factory: Any) -> Deferred[Any]:
        """A connection."""
        server = self._next[0]() if self._makes() else self._next.pop(0)
        client = factory.buildProtocol(None)
        ours, theirs = Transport(client, False, self.clock), Transport(server, True, self.clock)
        if self._one_by_one:
            whole = ours.bufferReceived
            ours.bufferReceived = lambda octets: [whole(octets[n : n + 1]) for n in range(len(octets))]
        self.servers.append(server)
        self.clients.append(client)
        self.pumps.append(connect(server, theirs, client, ours, greet=False, clock=self.clock))
        return succeed(client)

    def _makes(self) -> bool:
        return callable(self._next[0])

    def flush(self) -> None:
        """Until nobody has anything to say."""
        moved = True
        while moved:
            moved = False
            for pump in list(self.pumps):
                moved |= pump.flush()

    def client(self, **settings: Any) -> SMTPClient:
        """A client, connected but for its greeting."""
        settings = {"clock": self.clock, "in_thread": lambda function, *args: succeed(function(*args)), **settings}
        client = SMTPClient(**settings)
        self.connect(Factory.forProtocol(lambda: client))
        return client

    def greeted(self, **settings: Any) -> SMTPClient:
        """A client that has said hello."""
        client = self.client(**settings)
        self.result(client.greeting)
        self.result(client.hello())
        return client

    def result(self, deferred: Deferred[Any]) -> Any:
        """
        What comes of it, once nobody has anything to say.

        @raise Exception: that.
        @raise AssertionError: it waits for something else.
        """
        outcome = Outcome(deferred)
        self.flush()
        return outcome.result()

    def hang_up(self) -> None:
        """Everybody goes; no timer may be left."""
        for pump in self.pumps:
            pump.serverIO.disconnecting = True
        self.flush()
        assert self.clock.getDelayedCalls() == []


class Outcome:
    """
    What came of a Deferred.

    @ivar results: at most one.
    """

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.results: list[Any] = []
        deferred.addBoth(self.results.append)

    @property
    def fired(self) -> bool:
        return bool(self.results)

    @property
    def error(self) -> BaseException | None:
        """The exception, None where there is none (yet)."""
        return self.results[0].value if self.fired and isinstance(self.results[0], Failure) else None

    def result(self) -> Any:
        """
        @raise Exception: that was it.
        """
        assert len(self.results) == 1, "it waits"
        if isinstance(self.results[0], Failure):
            self.results[0].raiseException()
        return self.results[0]
