"""
One transaction of a client: RFC 5321 §3.3, RFC 2920 §3, RFC 3030, RFC 2033 §4.2.

Theory of operation.

1. MAIL and each RCPT leave in one write where PIPELINING is offered, otherwise one command at a time.  DATA is a part
   of that write where the message goes by it, as its octets come only after 354.
2. When at least one recipient was accepted, the message follows: by BDAT where CHUNKING is offered, otherwise by DATA.
   BDAT is never a part of the first write, as its octets come with it (guarantee 25).
3. The replies to the message give the result: one reply for all recipients; under LMTP and PRDR one for each.

If every recipient was rejected, or MAIL, no octet of the message leaves.  A transaction that ends early stays open:
`ClientDialog.left_open` has RSET sent before the next one.

A short message in memory leaves in one write.  `txsmtpx.dialog.transfer` sends any other.
`txsmtpx.dialog.submission` makes the transactions of a message that is not plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_result import Refusals, Result, result_of
from txsmtpx.dialog.exchange import FinalReplies, Flight, checked
from txsmtpx.dialog.failure import own_error
from txsmtpx.dialog.offer import Envelope
from txsmtpx.dialog.source import Source
from txsmtpx.dialog.transfer import PIECE, Transfer, bdat, end_without_data
from txsmtpx.errors import DeliveryError, ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import has_bare, size_as_sent, stuffed, with_line_ends

NONE: Refusals = ()

_CODE = attrgetter("code")


class ClientTransaction:
    """
    One message on its way through one connection.  `plain` or a `Submission` creates it; use it once.

    Attributes:
        recipients: The addresses of its recipients.

    Args:
        dialog: The dialog of the connection.
        envelope: MAIL and RCPT.
        message: The message; octets have at most `txsmtpx.dialog.transfer.PIECE`.
        checked: True if it is known that each line end of the octets is a CRLF.
        binary: True if the message goes as it is, whatever its lines end in (RFC 3030 §3).
    """

    def __init__(
        self,
        dialog: ClientDialog,
        envelope: Envelope,
        message: bytes | Source,
        checked: bool = False,
        binary: bool = False,
    ) -> None:
        self.recipients: Sequence[str] = envelope.recipients
        self._dialog = dialog
        self._envelope = envelope
        self._message = message
        self._checked = checked
        self._binary = binary
        self._chunked = "CHUNKING" in dialog.offer.extensions

    async def run(self) -> Result:
        """
        Send the message.

        Returns:
            The result, if at least one recipient was accepted.

        Raises:
            SMTPError: The server rejected MAIL, DATA or the message itself.
            RecipientsRefused: The server rejected every recipient.
            DeliveryError: The connection was lost, a reply did not come in time, or the caller cancelled.
        """
        dialog = self._dialog
        if dialog.left_open:
            await dialog.send("RSET")
        dialog.left_open = True
        pipelining = "PIPELINING" in dialog.offer.extensions
        replies, failure = await (self._in_one_flight() if pipelining else self._step_by_step())
        accepted, refused = self.recipients, NONE
        if failure is not None or max(map(_CODE, replies)) >= 400:
            accepted, refused = self._judged(replies, failure)
        try:
            if failure is not None:
                raise failure
            if not self._chunked:
                checked(replies[-1] if pipelining else await dialog.send("DATA", phase="data"), "DATA")
            finals = self._sent(len(accepted)) or await self._streamed(len(accepted))
            outcomes = await finals.outcomes(accepted)
            if len(outcomes) == 1 and not dialog.lmtp:
                reply = outcomes[0]
                assert isinstance(reply, Reply)  # where none came, that was raised
                checked(reply, finals.verb)
                dialog.left_open = False
                return Result([(each, reply) for each in accepted], [*refused])
        except DeliveryError as error:
            error.refused = refused
            raise
        by_rcpt, by_end = iter(refused), zip(accepted, outcomes, strict=True)
        rcpts = replies[1 : 1 + len(self.recipients)]
        result = result_of([next(by_end) if reply.positive else next(by_rcpt) for reply in rcpts], finals.verb)
        dialog.left_open = False
        return result

    # ---- the envelope

    async def _in_one_flight(self) -> tuple[list[Reply], DeliveryError | None]:
        """Send MAIL and each RCPT in one write, with DATA where the message goes by it."""
        flight, lines = Flight(self._dialog), [self._envelope.mail, *self._envelope.rcpts]
        answers = [("MAIL", "mail"), *[("RCPT", "rcpt")] * len(self.recipients)]
        if not self._chunked:
            lines.append(b"DATA\r\n")
            answers.append(("DATA", "data"))
        flight.expect(answers)
        self._dialog.send_envelope(self._envelope, b"".join(lines))
        failure = await flight.over()
        return flight.replies, self._out_of_step() if failure is None and self._dialog.failure is not None else failure

    async def _step_by_step(self) -> tuple[list[Reply], DeliveryError | None]:
        """Send MAIL and each RCPT, and wait for the reply to each."""
        dialog, replies = self._dialog, list[Reply]()
        try:
            replies.append(await dialog.send_line("MAIL", self._envelope.mail, "mail"))
            rcpts = zip(self._envelope.rcpts, self.recipients, strict=True)
            for line, recipient in rcpts if replies[0].positive else ():
                replies.append(await dialog.send_line("RCPT", line, "rcpt", f"TO:<{recipient}>"))
        except DeliveryError as error:
            return replies, error
        return replies, self._out_of_step()

    def _out_of_step(self) -> DeliveryError | None:
        """Return the error if a reply too many came with those to the envelope: they may answer other commands then."""
        failure = self._dialog.failure
        return own_error(failure) if isinstance(failure, ProtocolError) else None

    def _judged(self, replies: Sequence[Reply], failure: DeliveryError | None) -> tuple[Sequence[str], Refusals]:
        """
        Part the recipients that were accepted from those that were rejected.

        Args:
            replies: The replies to the envelope, as far as they came.
            failure: The reason why the others did not come.

        Returns:
            Both.

        Raises:
            SMTPError: MAIL was rejected.
            RecipientsRefused: Every recipient was rejected.
        """
        rcpts = list(zip(self.recipients, replies[1:], strict=False))
        accepted = [recipient for recipient, reply in rcpts if reply.positive]
        refused = [(recipient, SMTPError.from_reply(reply, "RCPT")) for recipient, reply in rcpts if not reply.positive]
        refusal: DeliveryError | None = None
        if isinstance(failure, ProtocolError):
            pass  # of a server that breaks the protocol no refusal counts
        elif replies and not replies[0].positive:
            refusal = SMTPError.from_reply(replies[0], "MAIL")
        elif len(refused) == len(self.recipients):
            refusal = RecipientsRefused(refused)
        if refusal is None:
            return accepted, refused
        if failure is None and len(replies) > 1 + len(self.recipients) and replies[-1].positive:
            if accepted:  # the lone dot of RFC 2920 §3.1 might deliver an empty message
                self._dialog.fail(ProtocolError("the server accepted DATA after it had refused MAIL", command="DATA"))
            else:
                end_without_data(self._dialog)
        raise refusal

    # ---- the message

    def _sent(self, accepted: int) -> FinalReplies | None:
        """Send a short message in one write; return None if the message is another."""
        message, dialog = self._message, self._dialog
        if not isinstance(message, bytes):
            return None
        dialog.raise_failure()
        if self._chunked:
            octets = message if self._binary else with_line_ends(message, self._checked)
            dialog.wire.write(bdat(octets, last=True), octets)
            return FinalReplies(dialog, "BDAT", accepted)
        finals = FinalReplies(dialog, "DATA", accepted)
        dialog.wire.write_body(stuffed(message, self._checked))
        return finals

    async def _streamed(self, accepted: int) -> FinalReplies:
        """Send a message that comes in pieces, or a long one."""
        assert isinstance(self._message, Source)
        transfer = Transfer(self._dialog, self._binary)
        if self._chunked:
            return await transfer.by_chunks(self._message, accepted)
        return await transfer.by_data(self._message, accepted)


def plain(dialog: ClientDialog, sender: object, recipients: object, message: object) -> ClientTransaction | None:
    """
    Prepare the transaction of a message that demands nothing of the server, as most messages do.

    Args:
        dialog: The dialog of the connection.
        sender: The sender as the caller has given it.
        recipients: The recipients as the caller has given them.
        message: The message as the caller has given it.

    Returns:
        The transaction.  None if the message is not plain: `txsmtpx.dialog.submission.Submission` prepares any message.
        Plain is a short message of octets in ASCII, for a list of addresses in ASCII without options, on a server that
        needs nothing else.

    Raises:
        MessageTooBig: The server does not accept a message of that size.
    """
    offer = dialog.offer
    if not (isinstance(message, bytes) and len(message) <= PIECE and message.isascii() and offer.plain):
        return None
    if not (isinstance(recipients, list) and recipients and {type(sender), *map(type, recipients)} == {str}):
        return None
    assert isinstance(sender, str)
    if not (sender.isascii() and "" not in recipients and "".join(recipients).isascii()):
        return None
    if len(recipients) > 1 and "PRDR" in offer.extensions:
        return None
    bare = has_bare(message)
    size = size_as_sent(message, bare)
    offer.check_size(size)
    try:
        envelope = offer.plain_envelope(sender, recipients, size)
    except ValueError:
        return None  # a Submission names the address
    return ClientTransaction(dialog, envelope, message, checked=not bare)
