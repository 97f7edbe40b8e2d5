"""
Sending a body that comes in pieces, or a long one: RFC 5321 §4.1.1.4 (DATA), RFC 3030 (BDAT).

Theory of operation.  No octet leaves before a recipient has been accepted (guarantee 25): `Transfer` is used after
that.

By DATA the body is streamed after 354.  The only way to stop before its end is to abort the connection.

By BDAT it goes in chunks, and the next one leaves when the server has accepted the one before, even where PIPELINING
is offered.  A server that has rejected a chunk may not swallow the next one, and run its octets as commands: go-smtp
does that after its 502.  So the chunks are large: small pieces of the body are gathered, up to `CHUNK`.  Pieces of a
slow body do not wait longer than `HOLD` for more, so that the server sees that the client lives.
"""

from __future__ import annotations

import contextlib

from twisted.internet.defer import CancelledError

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.exchange import FinalReplies, Flight, checked, too_early
from txsmtpx.dialog.source import Source
from txsmtpx.errors import ConnectionAborted, DeliveryError, ProtocolError, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import LineEnds, Stuffer
from txsmtpx.settling import run

PIECE = 128 * 1024
"""Octets of a body that are written at a time after 354."""

CHUNK = 512 * 1024
"""Octets that a BDAT has at least, but for the last: for each of them the client waits for one round trip."""

HOLD = 5.0
"""Seconds.  Servers wait five minutes for a command (RFC 5321 §4.5.3.2.7), Postfix under stress ten seconds."""


class Transfer:
    """
    One body that comes in pieces, or a long one, sent over one connection.

    `txsmtpx.dialog.client_transaction.ClientTransaction` and `txsmtpx.dialog.client_commands.ClientCommands` create one
    for each body.

    Args:
        dialog: The dialog of the connection.
        binary: True if the octets go as they are, whatever their lines end in (RFC 3030 §3).
    """

    def __init__(self, dialog: ClientDialog, binary: bool = False) -> None:
        self._dialog = dialog
        self._wire = dialog.wire
        self._binary = binary
        self._verb = "BDAT"
        self._complete = False  # whether all octets were written, by DATA
        self._held: list[bytes] = []  # of the next chunk
        self._size = 0
        self._timed = self._overdue = False  # whether they are sent soon, or now, though they are few
        self._unanswered: Flight | None = None

    # ---- by DATA

    async def by_data(self, body: Source, accepted: int) -> FinalReplies:
        """
        Send a body after 354.

        Args:
            body: The body.
            accepted: How many recipients were accepted.

        Returns:
            The replies to the message, which are still to come.

        Raises:
            DeliveryError: The connection has failed before the end of the body.
        """
        self._verb, self._dialog.in_data = "DATA", True
        stuffer, octets = Stuffer(body.checked), b""
        finals = FinalReplies(self._dialog, "DATA", accepted, self._answered)
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
        self._wire.awaiting("end")
        return finals

    def _answered(self, reply: Reply) -> None:
        """The first reply to the message came.  If the body is not complete, only an abort stops the client."""
        if not self._complete:
            self._dialog.fail(too_early("DATA") if reply.positive else SMTPError.from_reply(reply, "DATA"))

    # ---- by BDAT

    async def by_chunks(self, body: Source, accepted: int) -> FinalReplies:
        """
        Send a body by BDAT; each chunk waits for the reply to the one before.

        Args:
            body: The body.
            accepted: How many recipients were accepted.

        Returns:
            The replies to the message, which are still to come.

        Raises:
            SMTPError: The server rejected a chunk; the transaction is still open.
            DeliveryError: The connection has failed before the end of the body.
        """
        line_ends = None if self._binary else LineEnds(body.checked)
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
        octets = self._taken()
        self._wire.write(bdat(octets, last=True), octets)
        return FinalReplies(self._dialog, "BDAT", accepted)

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
        self._wire.write(bdat(octets, last=False), octets)
        self._unanswered = Flight(self._dialog, self._chunk_answered)
        self._unanswered.expect([("BDAT", "block")])

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
        """The reply to a chunk came.  If it rejects, the rest of the body is not awaited."""
        if reply.positive:
            self._flush()
            return
        if self._wire.congested:
            # Octets wait to be sent, and none is sent after a rejection (guarantee 25).
            self._dialog.fail(SMTPError.from_reply(reply, "BDAT"))
        if self._dialog.fetching is not None:
            self._dialog.fetching.cancel()

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
        if self._verb == "DATA":
            self._wire.awaiting(None)  # it is the client that keeps the server waiting
        fetching = self._dialog.fetching = run(body.next())
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
            cancelled = self._dialog.cancel(self._verb)
        if self._verb == "DATA":  # what was sent is no message, and must not become one
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
            self._wire.awaiting("block")
            await waiting
            self._wire.awaiting("block")


def bdat(octets: bytes, last: bool) -> bytes:
    """
    Make the command line of a chunk (RFC 3030 §2).

    Args:
        octets: The octets of the chunk.
        last: True if it is the last one.

    Returns:
        The line, with its CRLF.
    """
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"")


def end_without_data(dialog: ClientDialog) -> None:
    """
    Send the lone dot after a 354 for no recipient (RFC 2920 §3.1).  The reply to it is not awaited.

    Args:
        dialog: The dialog of the connection.
    """
    dialog.wire.write_body(b".\r\n")
    if not dialog.lmtp:  # which has a reply for each recipient, and there is none
        dialog.expect("DATA", "quit").addErrback(lambda failure: None)
