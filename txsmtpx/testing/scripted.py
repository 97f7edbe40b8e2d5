"""
A server that says what it is told and fails where it is told.

It shares no code with the library itself: what it understands of a message (RFC 5321, RFC 3030, RFC 2033) is what
a server of someone else's would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from txsmtpx.testing.layer import OwnClock

SILENCE = ""
"""An answer: none."""

HANG_UP = b""
"""An answer: the end of the connection."""

_USUAL: Mapping[str, str] = {
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

    ``offers`` and ``answers`` say what it answers; whatever is not told otherwise it takes.  An answer is

    * ``"550 5.1.1 No"``: a reply; ``\n`` between its lines
    * `SILENCE`: nothing is said
    * `HANG_UP`: the connection ends
    * ``b"250"``: octets, said as they are
    * a function: of the verb's argument, which gives one of these; or an iterator, which goes on with the lines of the
      client as long as it gives 334
    * ``None``: the usual
    * a list of these: one a command, and then the usual

    ``ScriptedServer(["PIPELINING"], RCPT=["250 2.1.5 Ok", "550 5.1.1 No"], END=HANG_UP)`` offers PIPELINING, refuses
    the second recipient, and is gone at the end of the message.

    Attributes:
        lines: The commands heard.
        messages: The complete messages, unstuffed.
        raw: The octets that came after 354, with what ended them.
        chunks: The octets of each BDAT.
        tls: Whether TLS has been started.
        lost: Whether the connection is over.
        said: Octets, so far.
        heard: Octets, so far.

    Args:
        offers: What EHLO announces: keywords, with what stands behind them.
        lmtp: The end of a message is answered once for each recipient (RFC 2033 §4.2).
        tls: For STARTTLS: what ``startTLS`` takes.  To offer it is another thing.
        says: Octets after which it hangs up.
        hears: Octets after which it hangs up.
        hasty: BDAT is answered before its octets have come.
        answers: By verb; ``GREETING`` is the first thing said, ``END`` the answer to a message, which came by DATA
            or BDAT.
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
        self._deaf = False
        self._accepted = 0
        self._in_data = False
        self._expected: int | None = None
        self._last = False
        self._exchange: Iterator[Any] | None = None

    @property
    def verbs(self) -> list[str]:
        """What was asked, by verb, in capitals."""
        return [line.partition(" ")[0].upper() for line in self.lines]

    def connectionMade(self) -> None:
        """Greet."""
        self._answer("")

    def dataReceived(self, data: bytes) -> None:
        """Hear, and answer."""
        if self._hears is not None:
            data = data[: self._hears - self.heard]
        self.heard += len(data)
        self._buffer += b"" if self._deaf else data
        while self._step():
            pass
        if self.heard == self._hears:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is over."""
        self.lost = True

    def say(self, answer: Any) -> None:
        """Say an answer, asked or not."""
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

    def _start_tls(self) -> None:
        if self._tls_options is None:
            self._deaf = True  # a TLS hello may hold a line end, and is no command
        else:
            self.tls, self.offers = True, [each for each in self.offers if each != "STARTTLS"]
            self.transport.startTLS(self._tls_options)

    def _command(self, line: str) -> None:
        self.lines.append(line)
        if self._exchange is not None:
            self._go_on(line)
            return
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        if verb == "BDAT":
            argument = argument.upper()
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
        elif verb == "STARTTLS" and reply.startswith("2"):
            self._start_tls()
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
            answer = _USUAL.get(verb, "250 2.0.0 Ok") if verb not in ("EHLO", "LHLO") else self._hello()
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


class Script(Factory):
    """
    A factory of `ScriptedServer`: for `txsmtpx.testing.Network`, or for any port.

    Attributes:
        servers: One for each connection so far.
        host: Where it listens: 127.0.0.1.
        port: The port that it got, 0 before `listen`.

    Args:
        script: Of each `ScriptedServer`.
    """

    host = "127.0.0.1"

    noisy = False

    def __init__(self, **script: Any) -> None:
        self._script = script
        self.servers: list[ScriptedServer] = []
        self.port = 0

    def buildProtocol(self, addr: Any) -> ScriptedServer:
        """A connection, which begins at the beginning of the script."""
        server = ScriptedServer(**self._script)
        self.servers.append(server)
        return server

    def listen(self, reactor: Any) -> IListeningPort:
        """Listen on a port of the loopback interface; ``stopListening`` of what this gives ends that."""
        listening: IListeningPort = reactor.listenTCP(0, OwnClock(self, reactor), interface=self.host)
        self.port = listening.getHost().port  # type: ignore[attr-defined]  # that of TCP has one
        return listening
