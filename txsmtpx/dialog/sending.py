"""
One message, sent: RFC 5321 §3.3, RFC 2920 §3, RFC 3030, RFC 2033 §4.2.

The envelope leaves in one write where PIPELINING is offered, one command at a time where it is not.
Then the body: by BDAT where CHUNKING is offered, otherwise by DATA.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.flight import Flight
from txsmtpx.dialog.source import Source
from txsmtpx.errors import ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import LineEnds, Stuffer

ONE_FLIGHT = 64 * 1024
"""Octets of a body that leave with the envelope by BDAT; a larger one waits to hear that somebody wants it."""

CHUNKS_IN_FLIGHT = 4
"""Chunks sent before the first of them has been answered."""


@dataclass(frozen=True)
class Result:
    """
    What became of a message that at least one recipient accepted.

    Both lists are in RCPT order, an entry a position: (recipient, reply).

    @ivar accepted: the reply is that to the message; under LMTP and PRDR each recipient's own.
    @ivar refused: the reply is that which refused: to RCPT, or to the message, under LMTP and PRDR, and where it
        went in several transactions.
    """

    accepted: Sequence[tuple[str, Reply]]
    refused: Sequence[tuple[str, Reply]]


class IBodyWire(Protocol):
    """What sending a body asks of the wire."""

    def write_body(self, octets: bytes) -> None:
        """Send C{octets} of a message."""

    def writable(self) -> Deferred[None] | None:
        """A Deferred until which the peer does not read, None when it does."""


class Sending:
    """One message on its way through one connection."""

    def __init__(self, dialog: ClientDialog, wire: IBodyWire, lmtp: bool, binary: bool = False) -> None:
        """
        @param binary: the message goes as it is, whatever its lines end in (RFC 3030 §3).
        """
        self._dialog = dialog
        self._wire = wire
        self._lmtp = lmtp
        self._binary = binary
        self._complete = False
        self._chunked = "CHUNKING" in dialog.extensions
        self._verb = "BDAT"  # until it goes by DATA

    async def run(self, recipients: Sequence[str], envelope: Envelope, body: Source) -> Result:
        """
        Send it.

        @raise SMTPError: MAIL, DATA or the message itself was refused.
        @raise RecipientsRefused: every recipient was.
        """
        if "PIPELINING" not in self._dialog.extensions:
            mail, replies = await self._step_by_step(envelope)
            small, go = False, None
        else:
            small = self._chunked and body.octets is not None and len(body.octets) <= ONE_FLIGHT
            mail, replies, go = await self._in_one_flight(envelope, body.octets if small else None)
        accepted = len([reply for reply in replies if reply.positive])
        refusal = _refusal(mail, recipients, replies, accepted)
        if small:
            try:
                finals = await self._final_replies(accepted)
            except Exception as error:
                raise refusal or error from None  # that it was lost afterwards does not matter then
        if refusal is not None:
            if go is not None and go.positive:
                await self._nothing()
            raise refusal
        if not small:
            if not self._chunked:
                checked(go or await self._dialog.send("DATA", phase="data"), "DATA")
            finals = await (self.by_chunks(body, accepted) if self._chunked else self.by_data(body, accepted))
        return self._result(recipients, replies, finals)

    # ---- the envelope

    async def _step_by_step(self, envelope: Envelope) -> tuple[Reply, list[Reply]]:
        """For a server that must be waited for after each command."""
        send = self._dialog.send
        mail = checked(await send("MAIL", *envelope.sender, phase="mail"), "MAIL")
        return mail, [await send("RCPT", *words, phase="rcpt") for words in envelope.recipients]

    async def _in_one_flight(self, envelope: Envelope, octets: bytes | None) -> tuple[Reply, list[Reply], Reply | None]:
        """All of the envelope in one write; with DATA, or with the whole of C{octets}."""
        dialog, lines, chunk = self._dialog, envelope.lines, b""
        flight = Flight(dialog)
        flight.expect("MAIL", "mail")
        for _ in envelope.recipients:
            flight.expect("RCPT", "rcpt")
        if octets is not None:
            line_ends = LineEnds()
            chunk = octets if self._binary else line_ends.feed(octets) + line_ends.finish()
            lines = [*lines, _bdat(chunk, last=True)]
        elif not self._chunked:
            lines = [*lines, b"DATA\r\n"]
            flight.expect("DATA", "data")
        dialog.leave(b"".join(lines), chunk, envelope)
        mail, *replies = await flight.all(decisive=1, verb="MAIL")
        go = replies.pop() if octets is None and not self._chunked else None
        return mail, replies, go

    async def _nothing(self) -> None:
        """354 although there is nobody to deliver to (RFC 2920 §3.1): a lone dot ends it."""
        self._wire.write_body(b".\r\n")
        if not self._lmtp:  # which has a reply for each recipient, and there is none
            await self._dialog.expect("DATA", "end")

    # ---- the body

    def _finals(self, accepted: int, flight: Flight) -> Flight:
        """The replies after the data, as a part of C{flight}."""
        for _ in range((accepted or 1) if self._lmtp else 1):  # a BDAT that belongs to nobody has its one reply
            flight.expect(self._verb, "end")
        return flight

    async def _final_replies(self, accepted: int) -> list[Reply]:
        return await self._each(await self._finals(accepted, Flight(self._dialog)).all(), accepted)

    async def _each(self, finals: list[Reply], accepted: int) -> list[Reply]:
        """Under PRDR: 353 announces a reply for each recipient, and one for all, whose no overrides theirs."""
        if finals[0].code != 353:
            return finals
        flight = Flight(self._dialog)
        for _ in range(accepted + 1):
            flight.expect("PRDR", "end")
        *each, last = await flight.all()
        return each if last.positive else [last]

    async def one_chunk(self, octets: bytes, last: bool, accepted: int) -> list[Reply]:
        """BDAT, and the replies to it."""
        self._write_chunk(octets, last)
        return await self._final_replies(accepted) if last else [await self._dialog.expect("BDAT", "block")]

    async def by_data(self, body: Source, accepted: int) -> list[Reply]:
        """The body after 354, and the replies to it."""
        self._verb = "DATA"
        stuffer, octets = Stuffer(), b""
        finals = self._finals(accepted, Flight(self._dialog, self._answered))
        try:
            while chunk := await self._next(body):
                octets = stuffer.feed(chunk)
                if body.exhausted:  # what is left leaves with the end of the data
                    break
                await self._write(octets)
                octets = b""
        except BaseException as error:
            self._dialog.fail(Failure(error))  # what was sent is no message, and must not become one
            await body.close()
            raise
        self._complete = True
        self._wire.write_body(octets + stuffer.finish())
        self._dialog.wire.awaiting("end")
        return await self._each(await finals.all(), accepted)

    def _answered(self, reply: Reply) -> None:
        """The reply to the data; where it does not wait for its end, nothing but hanging up stops us."""
        if not self._complete:
            early = ProtocolError("the server answered before the end of the data")
            self._dialog.fail(Failure(early if reply.positive else SMTPError.from_reply(reply, self._verb)))

    async def by_chunks(self, body: Source, accepted: int) -> list[Reply]:
        """The body, a chunk a BDAT, and the replies to the last."""
        line_ends = LineEnds()
        waiting: deque[Flight] = deque()
        held = b""
        try:
            while chunk := await self._next(body):
                if held:
                    self._write_chunk(held, last=False)
                    waiting.append(Flight(self._dialog))
                    waiting[-1].expect("BDAT", "block")
                    await self._writable()
                    if len(waiting) >= CHUNKS_IN_FLIGHT or waiting[0].replies:
                        checked((await waiting.popleft().all())[0], "BDAT")
                held = chunk if self._binary else line_ends.feed(chunk)
        except BaseException as error:
            if not isinstance(error, SMTPError):  # whose transaction RSET can still end
                self._dialog.fail(Failure(error))
            await body.close()
            raise
        self._write_chunk(held + line_ends.finish(), last=True)
        finals = self._finals(accepted, Flight(self._dialog))
        try:
            replies = await finals.all()
        except ProtocolError:  # of a server that talks nonsense no answer counts
            raise
        except Exception:
            _all_taken(waiting)
            raise
        replies = await self._each(replies, accepted)
        _all_taken(waiting)
        return replies

    async def _next(self, body: Source) -> bytes:
        """
        The next chunk, empty after the last; not waited for any more once the connection has failed.
        """
        self._dialog.raise_failure()
        at_hand = body.at_hand()
        if at_hand is not None:
            return at_hand
        if self._verb == "DATA":
            self._dialog.wire.awaiting(None)  # it is we who keep the server waiting
        fetching = self._dialog.fetching = Deferred.fromCoroutine(body.next())
        try:
            chunk = await fetching
        except CancelledError:
            self._dialog.raise_failure()
            raise
        finally:
            self._dialog.fetching = None
        self._dialog.raise_failure()
        return chunk

    async def _write(self, octets: bytes) -> None:
        self._wire.write_body(octets)
        await self._writable()

    async def _writable(self) -> None:
        """Wait while the server does not read."""
        waiting = self._wire.writable()
        if waiting is not None:
            self._dialog.wire.awaiting("block")
            await waiting
            self._dialog.wire.awaiting("block")

    def _write_chunk(self, octets: bytes, last: bool) -> None:
        self._dialog.wire.write(_bdat(octets, last), octets)

    # ---- what became of it

    def _result(self, recipients: Sequence[str], replies: Sequence[Reply], finals: Sequence[Reply]) -> Result:
        apart = self._lmtp or len(finals) > 1
        if not apart:
            checked(finals[0], self._verb)
        each = iter(finals)
        accepted: list[tuple[str, Reply]] = []
        refused: list[tuple[str, Reply]] = []
        for recipient, reply in zip(recipients, replies, strict=True):
            outcome = reply if not reply.positive else next(each) if apart else finals[0]
            (accepted if outcome.positive else refused).append((recipient, outcome))
        if not accepted:
            raise RecipientsRefused(refused)
        return Result(accepted, refused)


def _refusal(mail: Reply, recipients: Sequence[str], replies: Sequence[Reply], accepted: int) -> Exception | None:
    """Why there is nobody to deliver to, None where there is somebody."""
    if not mail.positive:
        return SMTPError.from_reply(mail, "MAIL")
    if not accepted:
        return RecipientsRefused(list(zip(recipients, replies, strict=True)))
    return None


def _bdat(octets: bytes, last: bool) -> bytes:
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"")


def _all_taken(chunks: Iterable[Flight]) -> None:
    for chunk in chunks:
        for reply in chunk.replies:
            checked(reply, "BDAT")
