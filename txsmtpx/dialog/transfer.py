"""
The octets of a message on their way: RFC 5321 §4.1.1.4 (DATA), RFC 3030 (BDAT), RFC 2033 §4.2, draft-hall-prdr.

Theory of operation.  No octet leaves before a recipient has been accepted: Transfer is used after that.

By DATA the body is streamed after 354.  The only way to stop before its end is to abort the connection.

By BDAT it goes in chunks, and the next one leaves when the server has accepted the one before, even where PIPELINING
is offered.  A server that has rejected a chunk may not swallow the next one, and run its octets as commands: go-smtp
does that after its 502.  So the chunks are large: what the body gives in small pieces is gathered, up to CHUNK.
What a slow body has given does not wait longer than HOLD for more, so that the server sees that the client lives.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.dialog.failure import own_error
from txsmtpx.dialog.flight import Flight
from txsmtpx.dialog.source import Source
from txsmtpx.errors import CommandCancelled, ConnectionAborted, Delivered, DeliveryError, ProtocolError, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import LineEnds, Stuffer

PIECE = 128 * 1024
"""Octets of a body that are written at a time after 354."""

CHUNK = 512 * 1024
"""Octets that a BDAT has at least, but for the last: for each of them the client waits for one round trip."""

HOLD = 5.0
"""Seconds.  Servers wait five minutes for a command (RFC 5321 §4.5.3.2.7), Postfix under stress ten seconds."""

Outcome = Reply | DeliveryError
"""What became of a message for one recipient: the reply, or the error that came in place of it."""


class IBodyWire(Protocol):
    """What sending a body asks of the wire."""

    def write_body(self, octets: bytes) -> None:
        """Send octets of a message."""

    def writable(self) -> Deferred[None] | None:
        """A Deferred until which the peer does not read, None when it does."""

    @property
    def congested(self) -> bool:
        """Whether octets wait to be sent, since the peer does not read."""

    def wake(self, seconds: float, call: Callable[[], object] | None) -> None:
        """Call a function after this time, in place of the one set before; None for none."""


class Transfer:
    """
    One body, sent over one connection; Sending and SMTPClient create one.

    Attributes:
        verb: "DATA" or "BDAT".
    """

    verb = "BDAT"
    _complete = _timed = _overdue = False
    _size = 0
    _unanswered: Flight | None = None

    def __init__(
        self, dialog: ClientDialog, wire: IBodyWire, lmtp: bool, binary: bool = False, recipients: Sequence[str] = ()
    ) -> None:
        """
        Prepare to send.

        Args:
            binary: the octets go as they are, whatever their lines end in (RFC 3030 §3).
            recipients: those that were accepted, where their names are known.
        """
        self._dialog = dialog
        self._wire = wire
        self._lmtp = lmtp
        self._binary = binary
        self._recipients = recipients

    # ---- by DATA

    async def by_data(self, body: Source, accepted: int) -> Sequence[Outcome]:
        """
        Send the body after 354.

        Args:
            accepted: how many recipients were.

        Returns:
            One outcome; under LMTP and PRDR one for each accepted recipient.

        Raises:
            DeliveryError: no reply came to the message.
        """
        self.verb, self._dialog.in_data = "DATA", True
        stuffer, octets = Stuffer(body.checked), b""
        finals = self._finals(accepted, Flight(self._dialog, self._answered))
        try:
            while chunk := await self._next(body, PIECE):
                octets = stuffer.feed(chunk)
                if body.exhausted:  # what is left leaves with the end of the data
                    break
                self._wire.write_body(octets)
                octets = b""
                await self._writable()
        except Exception as error:
            await self._broken_off(error, body)
            raise
        self._complete, self._dialog.in_data = True, False
        self._wire.write_body(octets + stuffer.finish())
        self._dialog.wire.awaiting("end")
        return await self._outcomes(finals, accepted)

    def nothing(self) -> None:
        """Send the lone dot after a 354 for no recipient (RFC 2920 §3.1); nothing waits for what the server says."""
        self._wire.write_body(b".\r\n")
        if not self._lmtp:  # which has a reply for each recipient, and there is none
            self._dialog.expect("DATA", "quit").addErrback(lambda failure: None)

    def _answered(self, reply: Reply) -> None:
        """The reply to the data; where it does not wait for its end, nothing but an abort stops the client."""
        if not self._complete:
            self._dialog.fail(self._too_early() if reply.positive else SMTPError.from_reply(reply, "DATA"))

    # ---- by BDAT

    async def by_chunks(self, body: Source, accepted: int) -> Sequence[Outcome]:
        """
        Send the body by BDAT, each after the reply to the one before; as by_data otherwise.

        Raises:
            SMTPError: a chunk was rejected; the transaction is still open.
        """
        line_ends = None if self._binary else LineEnds(body.checked)
        self._held: list[bytes] = []
        try:
            while chunk := await self._next(body, CHUNK):
                if self._size >= CHUNK:
                    await self._accepted_so_far()
                    self._write_held()
                    await self._writable()
                self._hold(chunk if line_ends is None else line_ends.feed(chunk))
            if line_ends is not None:
                self._hold(line_ends.finish())
            await self._accepted_so_far()
        except Exception as error:
            await self._broken_off(error, body)
            if self._unanswered is not None and self._unanswered.replies and not isinstance(error, ProtocolError):
                checked(self._unanswered.replies[0], "BDAT")  # a refusal that came before the connection was lost
            raise  # the connection is in step: RSET ends the transaction
        return await self.one_chunk(self._taken(), True, accepted)

    async def one_chunk(self, octets: bytes, last: bool, accepted: int) -> Sequence[Outcome]:
        """Send one BDAT, and wait for the replies to it."""
        self._dialog.wire.write(_bdat(octets, last), octets)
        if not last:
            return [await self._dialog.expect("BDAT", "block")]
        return await self._outcomes(self._finals(accepted, Flight(self._dialog)), accepted)

    def _hold(self, octets: bytes) -> None:
        self._held.append(octets)
        self._size += len(octets)

    def _taken(self) -> bytes:
        held, self._held, self._size = self._held, [], 0
        if self._timed:
            self._timed = self._overdue = False
            self._wire.wake(0, None)
        return b"".join(held)

    def _write_held(self) -> None:
        octets = self._taken()
        self._dialog.wire.write(_bdat(octets, last=False), octets)
        self._unanswered = Flight(self._dialog, self._chunk_answered)
        self._unanswered.expect(("BDAT", "block"))

    async def _accepted_so_far(self) -> None:
        """
        Wait for the reply to the chunk before.

        Raises:
            SMTPError: it was rejected.
        """
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is not None:
            failure = await unanswered.over()
            if failure is not None:
                raise failure
            checked(unanswered.replies[0], "BDAT")

    def _chunk_answered(self, reply: Reply) -> None:
        """The reply to a chunk came; if the body is waited for meanwhile, that is pointless after a no."""
        if reply.positive:
            self._flush()
            return
        self._stop_sending(reply)
        if self._dialog.fetching is not None:
            self._dialog.fetching.cancel()

    def _stop_sending(self, refusal: Reply) -> None:
        """Abort the connection if octets of the message still wait to be sent: none leaves after a no (law 25)."""
        if self._wire.congested:
            self._dialog.fail(SMTPError.from_reply(refusal, self.verb))

    def _held_for_long(self) -> None:
        self._overdue = True
        self._flush()

    def _flush(self) -> None:
        """Send what is held and due while the body is waited for, unless a chunk is unanswered."""
        answered = self._unanswered is None or bool(self._unanswered.replies)
        if answered and self._dialog.fetching is not None and self._size >= (1 if self._overdue else CHUNK):
            self._write_held()

    # ---- what both need

    async def _next(self, body: Source, size: int) -> bytes:
        """The next piece of the body, empty after the last; not waited for any more once the connection has failed."""
        self._dialog.raise_failure()
        at_hand = body.at_hand(size)
        if at_hand is not None:
            return at_hand
        if self.verb == "DATA":
            self._dialog.wire.awaiting(None)  # it is the client that keeps the server waiting
        fetching = self._dialog.fetching = Deferred.fromCoroutine(body.next())
        if self._size and not fetching.called:
            self._flush()
            if self._size and not self._timed:
                self._timed = True
                self._wire.wake(HOLD, self._held_for_long)
        try:
            piece = await fetching
        except CancelledError:
            self._dialog.raise_failure()
            if self._unanswered is not None and self._unanswered.replies:
                await self._accepted_so_far()
            raise
        finally:
            self._dialog.fetching = None
        self._dialog.raise_failure()
        return piece

    async def _broken_off(self, error: Exception, body: Source) -> None:
        """
        Clean up where the message was not sent to its end.

        Raises:
            CommandCancelled: the caller cancelled.
        """
        cancelled = None
        if isinstance(error, CancelledError) and not isinstance(error, DeliveryError):
            cancelled = self._dialog.cancel(self.verb)
        if self.verb == "DATA":  # what was sent is no message, and must not become one
            self._dialog.fail(ConnectionAborted("the body of a message failed"))
        else:
            self._taken()  # which does not leave any more
        with contextlib.suppress(Exception):  # the error that counts is the first
            await body.close()
        if cancelled is not None:
            raise cancelled from None

    async def _writable(self) -> None:
        """Wait while the server does not read."""
        waiting = self._wire.writable()
        if waiting is not None:
            self._dialog.wire.awaiting("block")
            await waiting
            self._dialog.wire.awaiting("block")

    def _finals(self, accepted: int, flight: Flight) -> Flight:
        """The replies after the data, as a part of flight."""
        flight.expect(*[(self.verb, "end")] * ((accepted or 1) if self._lmtp else 1))
        return flight

    async def _outcomes(self, finals: Flight, accepted: int) -> Sequence[Outcome]:
        """
        Wait for the replies to the message; those that came count, even if the connection was lost after them.

        Under PRDR 353 announces a reply for each recipient, and one for all, whose no overrides theirs.
        """
        failure = await finals.over()
        replies = finals.replies
        if self._wire.congested and failure is None and any(reply.code < 400 for reply in replies):
            self._dialog.fail(self._too_early())  # octets wait to be sent: the server cannot have had all of it
            self._dialog.raise_failure()
        if failure is None and replies[0].code != 353:
            if not replies[-1].positive:
                self._stop_sending(replies[-1])
            return replies
        missing = (accepted if self._lmtp else 1) - len(replies)
        if replies and replies[0].code == 353:
            each = Flight(self._dialog)
            each.expect(*[("PRDR", "end")] * (accepted + 1))
            self._dialog.expect_more(accepted + 1)
            failure = await each.over()
            if failure is None and not each.replies[-1].positive:
                return each.replies[-1:]
            replies, missing = each.replies[:accepted], accepted - len(each.replies)
        if failure is None or missing <= 0:
            return replies
        return [*replies, *self._unknown(failure, replies, missing)]

    def _too_early(self) -> DeliveryError:
        """The error where a server accepts a message before it can have had all of it: nothing tells what it has."""
        error = ProtocolError("the server answered before the end of the data", command=self.verb)
        error.delivered = Delivered.MAYBE
        return error

    def _unknown(self, failure: DeliveryError, replies: Sequence[Reply], missing: int) -> Sequence[DeliveryError]:
        """
        The errors of those recipients for which no reply came.

        Raises:
            DeliveryError: it is that of all of them; or the caller has cancelled, and cannot be given the replies.
        """
        failure.command = self.verb
        others = failure
        if not isinstance(failure, SMTPError) or (missing > 1 and not replies):
            failure.delivered = Delivered.MAYBE
        elif missing > 1:  # 421 says no to the first of them; for the others there was no reply
            others = own_error(failure)
            others.delivered = Delivered.MAYBE
        if isinstance(failure, CommandCancelled):
            named = zip(self._recipients, replies, strict=False)
            failure.accepted = [(recipient, reply) for recipient, reply in named if reply.positive]
            if failure.accepted:
                failure.delivered = Delivered.YES
        if not replies or isinstance(failure, CommandCancelled):
            raise failure
        return [failure, *[others] * (missing - 1)]


def _bdat(octets: bytes, last: bool) -> bytes:
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"")
