"""
The client's half of a connection (RFC 5321 §4), without a transport.

Theory of operation.  The dialog holds a queue of the replies that are expected, one entry for each command.  The
server's n-th reply goes to the n-th entry (guarantee 15).  Pipelining is no more than that (RFC 2920).

Each entry names the verb that its reply answers, and the phase, which has a time-out and decides which codes fit.  A
reply that fits no entry ends the connection (`txsmtpx.dialog.answers`).

`ClientDialog.failure` is None while commands can be sent.  When it is set, it stays set: each waiting entry has
received a copy of it, and so does each entry that is enqueued later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from txsmtpx.dialog.answers import Answer, Waiting, counts_at_once, fits, refuses_data
from txsmtpx.dialog.client_wire import ClientWire
from txsmtpx.dialog.extension import Extension
from txsmtpx.dialog.failure import own_failure
from txsmtpx.dialog.offer import Allowance, Envelope, Offer
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
from txsmtpx.grammar import command
from txsmtpx.grammar.reply import Reply, ReplyParser

NO_SEGMENT = 1 << 30
"""Replies that are due while it is not known which came together: any number."""


class ClientDialog:
    """
    One connection to a server.  Feed it the server's lines by `line_received`.  It writes to its `ClientWire`.

    Attributes:
        wire: The transport.
        lmtp: True if this is LMTP (RFC 2033): the data has a reply for each accepted recipient.
        offer: What the last answer to EHLO or LHLO offers; nothing before it.
        allowance: What was used up of the server's limits (RFC 9422).
        failure: The reason why nothing can be sent any more; None while commands can be sent.
        fetching: The Deferred of something to be sent, such as a piece of a body; cancelled by a failure.
        fetching_for: The command that it is sent with.
        in_data: True if the octets of a message are being sent after 354, so that a command would be a part of it.
        secrets: Those of every AUTH, which are not shown; None before the first AUTH.
        left_open: True if RSET must come before the next MAIL, since a transaction was left unfinished.

    Args:
        wire: The transport.
        extensions: The extensions that the client understands, such as `txsmtpx.extensions.registry.EXTENSIONS`.
        without: Keywords of extensions that are not used, though the server offers them.
        lmtp: True if this is LMTP.
    """

    def __init__(
        self, wire: ClientWire, extensions: Sequence[Extension], without: Collection[str] = (), lmtp: bool = False
    ) -> None:
        self.wire = wire
        self.lmtp = lmtp
        self._known = extensions
        self._without = without
        self.offer: Offer = Offer(extensions)
        self.allowance: Allowance = Allowance()
        self.failure: DeliveryError | None = None
        self.fetching: Deferred[bytes] | Deferred[str] | None = None
        self.fetching_for = "BDAT"
        self.in_data = self.left_open = False
        self.secrets: Secrets | None = None
        self._expected: deque[tuple[str, str, Waiting]] = deque()
        self._in_segment, self._due = False, NO_SEGMENT
        self._held: tuple[Waiting, Reply] | None = None
        self._parser = ReplyParser()

    @property
    def quiet(self) -> bool:
        """True if no reply is expected, and no part of one has come."""
        return not self._expected and not self._parser.partial

    # ---- commands out

    def expect(self, verb: str, phase: str) -> Deferred[Reply]:
        """
        Expect one more reply, after those expected so far.

        Args:
            verb: The command that it answers; "greeting" for the first reply of a connection.
            phase: The phase, which has a time-out in `txsmtpx.Timeouts`.

        Returns:
            A Deferred of the reply, whatever its code.  It fails with a `DeliveryError` if no reply will come.
        """
        reply: Deferred[Reply] = Deferred(self._cancelled)
        self.enqueue(reply, ((verb, phase),))
        return reply

    def enqueue(self, waiting: Waiting, answers: Sequence[Answer]) -> None:
        """
        Expect more replies, after those expected so far.

        Args:
            waiting: Is called back with each of them.
            answers: What each of them answers.
        """
        if self.failure is not None:
            for _ in answers:
                waiting.errback(own_failure(self.failure))
            return
        expected = self._expected
        idle = not expected
        for verb, phase in answers:
            expected.append((verb, phase, waiting))
        if idle:
            self.wire.awaiting(expected[0][1])

    def send(self, verb: str, *words: str, phase: str = "command") -> Deferred[Reply]:
        """
        Send a command.

        Args:
            verb: The verb.
            words: Its arguments.
            phase: The phase of its reply.

        Returns:
            A Deferred of the reply, whatever its code.

        Raises:
            ValueError: A word holds a control character, which could begin another command (guarantee 14).
        """
        return self.send_line(verb, command.join(verb, *words), phase, words[0] if words else "")

    def send_line(self, verb: str, line: bytes, phase: str, path: str = "") -> Deferred[Reply]:
        """
        Send a command that was put together before.

        Args:
            verb: The verb.
            line: The whole line, with its CRLF.
            phase: The phase of its reply.
            path: What RCPT names, such as "TO:<user@example.org>".

        Returns:
            A Deferred of the reply, whatever its code.
        """
        if self.failure is None:
            self.allowance.note(verb, path)
            self.wire.write(line)
        return self.expect(verb, phase)

    def send_envelope(self, envelope: Envelope, lines: bytes) -> None:
        """
        Send MAIL and each RCPT in one write (RFC 2920 §3.1); the caller enqueues their replies.

        Args:
            envelope: The envelope.
            lines: What is sent: its lines, and perhaps DATA.
        """
        if self.failure is None:
            self.allowance.note_envelope(envelope)
            self.wire.write(lines)

    # ---- replies in

    def begin_segment(self) -> None:
        """
        Note that `line_received` gets several lines that came together, until `end_segment`.

        The server has sent all of them before the client acts on the first.  So none answers a command that the client
        sends meanwhile: a reply too many would pass for the answer to that command, and each reply for the next one's.
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
        """
        Allow more replies in this segment: they need no further command (PRDR).

        Args:
            replies: How many of the replies that are expected.
        """
        self._due += replies

    def line_received(self, line: bytes) -> None:
        """
        Take one line of the server.

        Args:
            line: The line without its line end.
        """
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
        if (not expected or not self._due or code in (221, 421)) and not self._is_due(reply):
            return
        verb, phase, waiting = expected[0]
        if code != (354 if phase == "data" else 250) and not fits(code, verb, phase):
            self.fail(ProtocolError(f"no answer to {verb}: {self._shown(reply)}"))
            return
        expected.popleft()
        self.wire.awaiting(expected[0][1] if expected else None)
        if self._in_segment:
            self._due -= 1
            if not expected and code != 354 and not counts_at_once(code, verb, phase):
                self._held = waiting, reply
                return
        waiting.callback(reply)

    def _is_due(self, reply: Reply) -> bool:
        """Return whether a reply answers a command; if it does not, end the connection."""
        expected, code = self._expected, reply.code
        if code == 421:
            self._end(SMTPError.from_reply(reply), politely=True)
        elif code == 221 and not (self._due and expected and expected[0][0] == "QUIT"):
            # The server ends the session (RFC 5321 §4.2.3), and has not done what was asked.
            text = f"the server ended the session: {self._shown(reply)}"
            self.fail(NetworkError.like(ConnectionDone, text))
        elif expected and (self._due or refuses_data(code, *expected[0][:2])):
            return True
        else:
            unasked = ProtocolError(f"a reply to no command: {self._shown(reply)}")
            if self.in_data and reply.positive:  # the server may have taken what had come for a message
                unasked.delivered = Delivered.MAYBE
            self.fail(unasked)
        return False

    def masked(self, line: bytes) -> bytes:
        """
        Hide a secret that the server repeats.

        Args:
            line: A line of the server.

        Returns:
            The line; without its text if that repeats a secret.
        """
        return line if self.secrets is None else self.secrets.masked(line)

    def _shown(self, reply: Reply) -> Reply:
        return reply if self.secrets is None else self.secrets.reply(reply)

    def learn(self, reply: Reply, verified: bool) -> None:
        """
        Note what the server offers (RFC 5321 §4.1.1.1).

        Args:
            reply: The answer to EHLO or LHLO.
            verified: True if it came within TLS, from a server whose certificate was verified.
        """
        self.offer = Offer.announced(reply, self._known, self._without, verified)
        self.allowance.by_domain = "RCPTDOMAINMAX" in self.offer.extensions.get("LIMITS", ())

    def forget(self) -> None:
        """Forget what the server offers: nothing is offered until the next answer to EHLO."""
        self.offer = Offer(self._known)

    # ---- the end

    def fail(self, error: DeliveryError) -> None:
        """
        Abort the connection, since the input is malformed or the connection is lost.

        Each waiting entry fails with a copy of the error.

        Args:
            error: The reason.  If it names no command, it gets the one that the next reply would answer.
        """
        self._end(error, politely=False)

    def _end(self, error: DeliveryError, politely: bool) -> None:
        """
        End the connection.

        Args:
            error: The reason.
            politely: True if QUIT is sent (RFC 5321 §4.1.1.10), and all that was written, before the end.  It is not
                if another reply is still to come, or if it would be a part of a message.
        """
        if self.failure is not None:
            return
        expected, self._expected = self._expected, deque()
        verb = expected[0][0] if expected else "idle" if self.fetching is None else self.fetching_for
        error.command = error.command or verb
        self.failure = error
        self.wire.awaiting(None)
        if politely and len(expected) <= 1 and not self.in_data and verb != "QUIT":
            self.wire.write(b"QUIT\r\n")
            self.wire.close()
        else:
            self.wire.abort()
        for _, _, waiting in expected:
            waiting.errback(own_failure(error))
        if self.fetching is not None:
            self.fetching.cancel()

    def raise_failure(self) -> None:
        """
        Do nothing while commands can be sent.

        Raises:
            DeliveryError: The reason why none can be sent.
        """
        if self.failure is not None:
            own_failure(self.failure).raiseException()

    def _cancelled(self, waiting: Deferred[Reply]) -> None:
        """The caller has cancelled the Deferred of a reply, which comes all the same."""
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
