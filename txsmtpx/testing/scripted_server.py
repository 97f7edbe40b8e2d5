"""
A server with prepared replies, and prepared failures, for tests of clients.

It shares no code with the server of the library: it understands a message (RFC 5321, RFC 3030, RFC 2033) as another
server would.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Unpack, cast

from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from txsmtpx.arguments import checked
from txsmtpx.backends.failing_address import PreparedFailure, failure_of
from txsmtpx.interfaces import StreamTransport
from txsmtpx.testing.keywords import Replies, ReplyKeywords
from txsmtpx.testing.layer import StartsTLS, TLSOptions
from txsmtpx.testing.prepared_replies import next_reply, prepared_replies, usual_reply
from txsmtpx.testing.reply_queue import ReplyQueue
from txsmtpx.wire.server_settings import ServerTLS

SILENCE = ""
"""The prepared reply for no reply."""

HANG_UP = b""
"""The prepared reply for the end of the connection."""

_ADDRESS = re.compile(r"(?:FROM|TO):\s*<(?:@[^:>]*:)?([^>]*)>", re.IGNORECASE)


class ScriptedServer(Protocol):
    r"""
    One connection to a server with prepared replies.

    A prepared reply is one of these:

    ===================  =====================================================================================
    ``"550 5.1.1 No"``   a reply; ``\n`` between its lines
    `SILENCE`            no reply
    `HANG_UP`            the end of the connection
    ``b"250"``           octets, which are sent as they are
    a function           called with the argument of the verb.  It returns one of these, or an iterator.  The
                         iterator handles the lines of the client while it returns 334
    ``None``             the usual reply
    a list of these      one for each command, and then the usual
    ===================  =====================================================================================

    An address such as ``reject-550@example.net`` makes the server reject, delay or close, unless there is a prepared
    reply.  The page on testing lists the addresses.

    Args:
        offers: The extensions in the reply to EHLO: keywords, with their parameters.
        lmtp: True sends a reply for each recipient at the end of a message (RFC 2033 §4.2).
        tls: The options for STARTTLS.  They do not offer it.
        close_after_sent: Close the connection after this number of octets sent.
        close_after_received: Close the connection after this number of octets received.
        early_bdat_reply: True replies to BDAT before its octets have been received.
        replies: The prepared replies by verb, for verbs that are no keyword argument.
        verbs: The prepared replies by verb: GREETING for the greeting, END for the end of a message by DATA or BDAT.

    Attributes:
        lines: The commands received.
        messages: The complete messages, without dot-stuffing.
        raw: The octets received after 354, with their end.
        chunks: The octets of each BDAT.
        tls: True after STARTTLS.
        lost: True after the connection has been closed.
        octets_sent: The number of octets sent.
        octets_received: The number of octets received.

    Raises:
        TypeError: An argument is unknown or has the wrong type.
        ValueError: A text is no reply, or a name in ``replies`` is no verb.

    Example:
        A server that offers PIPELINING, rejects the second recipient, and closes the connection at the end of the
        message:

        >>> server = ScriptedServer(["PIPELINING"], RCPT=["250 2.1.5 Ok", "550 5.1.1 No"], END=HANG_UP)
        >>> ScriptedServer(RPCT="550 5.1.1 No")
        Traceback (most recent call last):
        TypeError: ScriptedServer has no argument RPCT; did you mean RCPT?
    """

    transport: StreamTransport  # type: ignore[assignment]  # Twisted's is None before connectionMade

    @checked
    def __init__(
        self,
        offers: Sequence[str] = (),
        lmtp: bool = False,
        tls: ServerTLS | None = None,
        close_after_sent: int | None = None,
        close_after_received: int | None = None,
        early_bdat_reply: bool = False,
        replies: Mapping[str, Replies] | None = None,
        **verbs: Unpack[ReplyKeywords],
    ) -> None:
        self.replies: dict[str, object] = prepared_replies({**verbs, **(replies or {})})
        self.offers: list[str] = list(offers)
        self.lmtp = lmtp
        self.lines: list[str] = []
        self.messages: list[bytes] = []
        self.raw: bytes = b""
        self.chunks: list[bytes] = []
        self.tls: bool = False
        self.lost: bool = False
        self._tls_options = tls
        self.octets_sent: int = 0
        self.octets_received: int = 0
        self._close_after_sent, self._close_after_received = close_after_sent, close_after_received
        self._early_bdat_reply = early_bdat_reply
        self._buffer = b""
        self._deaf = False
        self._sender = ""
        self._accepted: list[str] = []
        self._queue = ReplyQueue(self.send_reply)
        self._in_data = False
        self._expected: int | None = None
        self._last = False
        self._exchange: Iterator[str] | None = None

    @property
    def verbs(self) -> list[str]:
        """The verbs of the commands received, in upper case."""
        return [line.partition(" ")[0].upper() for line in self.lines]

    def connectionMade(self) -> None:
        """Send the greeting."""
        self._answer("")

    def dataReceived(self, data: bytes) -> None:
        """
        Handle octets of the client.

        Args:
            data: The octets.
        """
        if self._close_after_received is not None:
            data = data[: self._close_after_received - self.octets_received]
        self.octets_received += len(data)
        self._buffer += b"" if self._deaf else data
        while self._step():
            pass
        if self.octets_received == self._close_after_received:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        Note that the connection was closed.

        Args:
            reason: Why.
        """
        self.lost = True
        self._queue.clear()

    def send_reply(self, answer: str | bytes | None) -> None:
        """
        Send a reply, also one that answers no command.

        Args:
            answer: The reply, `SILENCE`, `HANG_UP`, octets or None.
        """
        octets = "".join(f"{line}\r\n" for line in answer.split("\n")).encode() if isinstance(answer, str) else answer
        if answer == HANG_UP:
            self.transport.loseConnection()
        elif answer and octets is not None:
            if self._close_after_sent is not None:
                octets = octets[: self._close_after_sent - self.octets_sent]
            self.octets_sent += len(octets)
            self.transport.write(octets)
            if self.octets_sent == self._close_after_sent:
                self.transport.loseConnection()

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
            cast(StartsTLS, self.transport).startTLS(cast(TLSOptions, self._tls_options))

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
            if self._early_bdat_reply:
                self._chunk_answers()
            return
        reply = self._answer(verb, argument)
        if verb in ("MAIL", "RSET", "EHLO", "LHLO", "HELO"):
            self._accepted, self.chunks = [], []
            self._sender = _address(argument) if verb == "MAIL" else ""
        elif verb == "RCPT":
            self._accepted += [_address(argument)] * reply.startswith("2")
        elif verb == "DATA":
            self._in_data, self.raw = reply.startswith("354"), b""
        elif verb == "STARTTLS" and reply.startswith("2"):
            self._start_tls()
        elif verb == "QUIT" and reply.startswith("2"):
            self._send(HANG_UP)

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
        self._end()
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
        if not self._early_bdat_reply:
            self._chunk_answers()
        return True

    def _chunk_answers(self) -> None:
        if not self._accepted:
            self._answer("BDAT", usual="503 5.5.1 For whom")
        elif self._last:
            self._end()
        else:
            self._answer("BDAT")

    def _end(self) -> None:
        """Reply to the end of a message: once, or under LMTP for each recipient."""
        of_sender = _failure(self._sender, at_end=True)
        of_recipients = [of_sender or _failure(each, at_end=True) for each in self._accepted]
        if self.lmtp:
            for failure in of_recipients:
                self._answer(".", failure=failure)
        else:
            failures = list(filter(None, [of_sender, *of_recipients]))
            worst = next((each for each in failures if each.drop or each.reply is not None), None)
            self._answer(".", failure=worst or next(iter(failures), None))

    def _answer(
        self, verb: str, argument: str = "", usual: str | None = None, failure: PreparedFailure | None = None
    ) -> str:
        answer = next_reply(self.replies, verb, argument)
        if isinstance(answer, Iterator):
            exchange, answer = answer, next(answer)
            self._exchange = exchange if str(answer).startswith("334") else None
        if answer is None:
            failure = failure or (_failure(_address(argument)) if verb in ("MAIL", "RCPT") else None)
            usual = self._hello() if verb in ("EHLO", "LHLO") else usual or usual_reply(verb)
            answer = usual if failure is None else self._prepared(failure, usual)
            self._send(answer, failure.seconds if failure is not None else 0)
            if failure is not None and failure.reply is not None and failure.reply.code == 421:
                self._send(HANG_UP)
        else:
            self._send(cast("str | bytes", answer))
        return answer if isinstance(answer, str) else ""

    def _prepared(self, failure: PreparedFailure, usual: str) -> str | bytes:
        if failure.drop:
            return HANG_UP
        return usual if failure.reply is None else str(failure.reply)

    def _send(self, reply: str | bytes, seconds: float = 0) -> None:
        self._queue.add(reply, seconds, self.transport)

    def _hello(self) -> str:
        lines = ["scripted.example", *self.offers]
        return "\n".join(f"250{' ' if n == len(lines) else '-'}{line}" for n, line in enumerate(lines, 1))

    def _go_on(self, line: str) -> None:
        """Give a line to an exchange, which is a generator of replies."""
        answer = cast(Generator[str, str], self._exchange).send(line)
        if not answer.startswith("334"):
            self._exchange = None
        self._send(answer)


def _address(argument: str) -> str:
    """Return the address in the argument of MAIL or RCPT."""
    match = _ADDRESS.match(argument)
    return match[1] if match else ""


def _failure(address: str, at_end: bool = False) -> PreparedFailure | None:
    failure = failure_of(address)
    return failure if failure is not None and failure.at_end is at_end else None
