"""
The client's half of the conversation: RFC 5321 §4, without a transport.

A queue of expected replies is all that pipelining is: what is sent puts a Deferred in, the n-th reply fires the
n-th.  So no Deferred can ever get another command's reply, and cancelling one means that
nothing that follows can be understood: the connection is given up.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.limits import Allowance
from txsmtpx.dialog.offer import Offer
from txsmtpx.dialog.secrets import HIDDEN, Secrets
from txsmtpx.errors import (
    CommandCancelled,
    ConnectionAborted,
    Delivered,
    DeliveryError,
    NetworkError,
    ProtocolError,
    SMTPError,
)
from txsmtpx.grammar import asciitext, command
from txsmtpx.grammar.reply import Reply, ReplyParser

_SEPARATOR = re.compile(r"[ \t=]+")
"""
What stands behind a keyword.  A keyword holds none of these (RFC 5321 §4.1.1.1).  "AUTH=" is how drafts of AUTH
wrote it; some servers still announce both forms, for old clients.
"""

NO_SEGMENT = 1 << 30
"""Replies that are due while it is not known which came together: any number."""

Answer = tuple[str, str]
"""The command that a reply answers, and the phase, which has its time-out."""


class IClientWire(Protocol):
    """What the dialog asks of the wire."""

    def write(self, octets: bytes, body: bytes = b"") -> None:
        """Send ``octets``, lines, and behind them ``body``, of a message."""

    def awaiting(self, phase: str | None) -> None:
        """The next reply belongs to this phase; None: no reply is awaited."""

    def give_up(self) -> None:
        """Abort the connection."""

    def close(self) -> object:
        """Send what was written, then close the connection."""


class IWaiting(Protocol):
    """Who waits for a reply: a Deferred, or what has its two methods."""

    def callback(self, reply: Reply) -> None:
        """Here it is."""

    def errback(self, failure: Failure) -> None:
        """It will not come."""


def checked(reply: Reply, command: str) -> Reply:
    """
    ``reply``, unless it says no.

    Raises:
        SMTPError: It does.
    """
    if not reply.positive:
        raise SMTPError.from_reply(reply, command)
    return reply


def _fits(reply: Reply, verb: str, phase: str) -> bool:
    """Whether ``reply`` can be an answer: "go on" fits DATA and AUTH alone, DATA has no other yes (RFC 5321 §4.3)."""
    if reply.code == 353:
        return verb in ("DATA", "BDAT") and phase == "end"  # PRDR
    if reply.code < 300:
        return phase != "data"
    return reply.code >= 400 or phase == "data" or (verb == "AUTH" and reply.code == 334)


def _refuses_data(reply: Reply, verb: str, phase: str) -> bool:
    """Whether ``reply`` refuses the message after 354, which a server may do before it has seen the octets."""
    return verb == "DATA" and phase == "end" and reply.code >= 400


def _counts_at_once(reply: Reply, verb: str, phase: str) -> bool:
    """
    Whether ``reply`` counts whatever comes behind it.

    3xx asks for more.  A refused message is refused, also by a server that runs its octets as commands then.  The wire
    looks for what stands in the clear behind the reply to STARTTLS.
    """
    return reply.code // 100 == 3 or (reply.code >= 400 and phase in ("end", "block")) or verb == "STARTTLS"


class ClientDialog:
    """
    One connection to a server.

    Attributes:
        extensions: What its answer to EHLO or LHLO offers, keyword to what it means.
        allowance: How much the server has had, of what it takes.
        failure: Why nothing can be sent any more, None while it can.
        fetching: What a body is waited for with, which is pointless once there is a failure.
        in_data: Whether the octets of a message are being sent after 354, so that a command would be a part of it.
        secrets: Those of every AUTH, None before the first.
        left_open: Whether a transaction was left unfinished, so that RSET comes before the next MAIL.

    Args:
        known: The extensions that we understand.
        without: Keywords of those that are not used, though the server offers them.
    """

    def __init__(self, wire: IClientWire, known: Sequence[Extension], without: Collection[str] = ()) -> None:
        self.wire = wire
        self._known = known
        self._without = without
        self._readers = {extension.keyword: extension.read for extension in known}
        self._lists = {extension.keyword for extension in known if extension.lists}
        self._within_tls = {extension.keyword for extension in known if extension.within_tls}
        self.forget()
        self.allowance = Allowance()
        self.failure: DeliveryError | None = None
        self.fetching: Deferred[bytes] | None = None
        self.in_data = False
        self.left_open = False
        self.secrets: Secrets | None = None
        self._expected: deque[tuple[str, str, IWaiting]] = deque()
        self._in_segment, self._due = False, NO_SEGMENT
        self._held: tuple[IWaiting, Reply] | None = None
        self._parser = ReplyParser()

    def expect(self, verb: str, phase: str) -> Deferred[Reply]:
        """A Deferred of the reply after those expected so far, whatever it says; an error when there will be none."""
        reply: Deferred[Reply] = Deferred(self._cancelled)
        self.enqueue(reply, ((verb, phase),))
        return reply

    def enqueue(self, waiting: IWaiting, answers: Sequence[Answer]) -> None:
        """``waiting`` is told the replies after those expected so far."""
        if self.failure is not None:
            for _ in answers:
                waiting.errback(own_failure(self.failure))
            return
        expected = self._expected
        idle = not expected
        expected.extend([(verb, phase, waiting) for verb, phase in answers])
        if idle:
            self.wire.awaiting(expected[0][1])

    def send(self, verb: str, *words: str, phase: str = "command") -> Deferred[Reply]:
        """
        Send a command.

        Raises:
            ValueError: A word holds what could become another command.
        """
        line = command.join(verb, *words)
        if self.failure is None:
            self.allowance.note(verb, words)
            self.wire.write(line)
        return self.expect(verb, phase)

    def leave(self, lines: bytes, envelope: Envelope) -> None:
        """``envelope`` goes out, as ``lines``."""
        if self.failure is None:
            self.allowance.note("MAIL", envelope.sender)
            for words in envelope.recipients:
                self.allowance.note("RCPT", words)
            self.wire.write(lines)

    @property
    def quiet(self) -> bool:
        """Whether no reply is expected, nor a part of one come."""
        return not self._expected and not self._parser.partial

    def begin_segment(self) -> None:
        """
        Note that `line_received` gets several lines that came together, until `end_segment`.

        The server has sent all of them before the client acts on the first.  So none answers a command that leaves
        meanwhile: a reply too many would pass for the answer to that command, and each reply for the next one's.
        Therefore the last reply that is expected waits for the end of the segment.
        """
        self._in_segment, self._due = True, len(self._expected)

    def end_segment(self) -> None:
        """Note the end of the lines that came together."""
        self._in_segment, self._due = False, NO_SEGMENT
        if self._held is not None:
            (waiting, reply), self._held = self._held, None
            waiting.callback(reply)

    def expect_more(self, replies: int) -> None:
        """That many of the replies expected need no further command, so they may come in this segment (PRDR)."""
        self._due += replies

    def line_received(self, line: bytes) -> None:
        """Take one line of the server's, without its line end."""
        try:
            reply = self._parser.feed(line)
        except ValueError as error:
            self.fail(ProtocolError(str(error) if self.masked(line) == line else f"not a reply line: {HIDDEN}"))
            return
        if reply is None:
            return
        expected, code = self._expected, reply.code
        if self.secrets is not None and code != 334 and (code >= 400 or self.secrets.in_login):
            reply = self.secrets.reply(reply)
        if code == 421:
            self._end(SMTPError.from_reply(reply), politely=True)
        elif code == 221 and not (self._due and expected and expected[0][0] == "QUIT"):
            # The server ends the session (RFC 5321 §4.2.3), and has not done what was asked.
            text = f"the server ended the session: {self._shown(reply)}"
            self.fail(NetworkError.like(ConnectionDone, text))
        elif not expected or not (self._due or _refuses_data(reply, *expected[0][:2])):
            unasked = ProtocolError(f"a reply nobody asked for: {self._shown(reply)}")
            if self.in_data and reply.positive:  # the server may have taken what had come for a message
                unasked.delivered = Delivered.MAYBE
            self.fail(unasked)
        else:
            verb, phase, waiting = expected[0]
            if not (code == 250 and phase != "data") and not _fits(reply, verb, phase):
                self.fail(ProtocolError(f"no answer to {verb}: {self._shown(reply)}"))
                return
            expected.popleft()
            self.wire.awaiting(expected[0][1] if expected else None)
            if self._in_segment:
                self._due -= 1
                if not expected and not _counts_at_once(reply, verb, phase):
                    self._held = waiting, reply
                    return
            waiting.callback(reply)

    def masked(self, line: bytes) -> bytes:
        """Return a line of the server, without its text if that repeats a secret."""
        return line if self.secrets is None else self.secrets.masked(line)

    def _shown(self, reply: Reply) -> Reply:
        return reply if self.secrets is None else self.secrets.reply(reply)

    def learn(self, reply: Reply, verified: bool) -> None:
        """
        What an answer to EHLO or LHLO offers (RFC 5321 §4.1.1.1).

        Args:
            verified: Whether it came within TLS, from whom we wanted to talk to.
        """
        self.forget()
        for keyword, words in self._announced(reply).items():
            if keyword in self._without or (keyword in self._within_tls and not verified):
                continue
            try:
                self.extensions[keyword] = self._readers.get(keyword, str)(words)
            except ValueError:
                continue  # what we cannot understand is not offered to us
        self.allowance.by_domain = "RCPTDOMAINMAX" in self.extensions.get("LIMITS", ())

    def _announced(self, reply: Reply) -> dict[str, str]:
        """Return what stands behind each keyword of an answer to EHLO."""
        announced: dict[str, str] = {}
        for line in reply.lines[1:]:
            keyword, _, words = _SEPARATOR.sub(" ", line, count=1).partition(" ")
            keyword, words = asciitext.upper(keyword), words.strip(" \t")
            if keyword in self._lists and keyword in announced:
                words = f"{announced[keyword]} {words}"
            announced[keyword] = words
        return announced

    def forget(self) -> None:
        """Nothing is offered, until the server says so."""
        self.extensions: dict[str, Any] = {}
        self._offer: Offer | None = None

    @property
    def offer(self) -> Offer:
        """``extensions``, put together for envelopes."""
        if self._offer is None:
            self._offer = Offer(self.extensions, self._known)
        return self._offer

    def fail(self, error: DeliveryError) -> None:
        """
        Abort the connection: nothing can be understood, or nothing comes, any more.

        All that wait for replies get an error of their own, a copy of ``error``.

        Args:
            error: Its command is set to the one that the next reply would answer, where it has none.
        """
        self._end(error, politely=False)

    def _end(self, error: DeliveryError, politely: bool) -> None:
        """
        End the connection, and tell all that wait for replies.

        Args:
            politely: Whether QUIT is sent (RFC 5321 §4.1.1.10) where it is a command of its own, and no other reply
                is still to come; then what was written is sent before the connection is closed.
        """
        if self.failure is not None:
            return
        expected, self._expected = self._expected, deque()
        verb = expected[0][0] if expected else "idle" if self.fetching is None else "BDAT"
        error.command = error.command or verb
        self.failure = error
        self.wire.awaiting(None)
        if politely and len(expected) <= 1 and not self.in_data and verb != "QUIT":
            self.wire.write(b"QUIT\r\n")
            self.wire.close()
        else:
            self.wire.give_up()
        for _, _, waiting in expected:
            waiting.errback(own_failure(error))
        if self.fetching is not None:
            self.fetching.cancel()

    def raise_failure(self) -> None:
        """
        Go on, while anything can be sent.

        Raises:
            DeliveryError: Why nothing can.
        """
        if self.failure is not None:
            own_failure(self.failure).raiseException()

    def _cancelled(self, waiting: Deferred[Reply]) -> None:
        """The caller does not wait for this reply any more; it comes all the same."""
        verb = next(entry[0] for entry in self._expected if entry[2] is waiting)
        self._expected = deque(entry for entry in self._expected if entry[2] is not waiting)
        waiting.errback(Failure(self.cancel(verb)))

    def cancel(self, command: str = "") -> CommandCancelled:
        """
        Abort the connection, since a reply comes that nothing waits for.

        Args:
            command: What was cancelled; "" for the command that the next reply answers.

        Returns:
            The error of what was cancelled.
        """
        command = command or (self._expected[0][0] if self._expected else "idle")
        self.fail(ConnectionAborted(f"{command} was cancelled", command=command))
        return CommandCancelled("the caller cancelled it", command=command)
