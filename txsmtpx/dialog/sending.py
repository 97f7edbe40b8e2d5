"""
One message, sent: RFC 5321 §3.3, RFC 2920 §3, RFC 3030, RFC 2033 §4.2.

The envelope leaves in one write where PIPELINING is offered, one command at a time where it is not.  When a recipient
has been accepted the body follows: by BDAT where CHUNKING is offered, otherwise by DATA.  DATA is a part of the first
write, as its octets come only after 354; BDAT is not, as its octets come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from txsmtpx.dialog.client import ClientDialog, checked
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.failure import own_error
from txsmtpx.dialog.flight import Flight
from txsmtpx.dialog.source import Source
from txsmtpx.dialog.transfer import IBodyWire, Outcome, Transfer
from txsmtpx.errors import DeliveryError, ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.grammar.reply import Reply

Refusals = Sequence[tuple[str, DeliveryError]]

NONE: Refusals = ()

_CODE = attrgetter("code")


@dataclass(frozen=True)
class Result:
    """
    What became of a message that was accepted for at least one recipient.

    Both lists are in RCPT order, an entry a position.

    Attributes:
        accepted: (recipient, reply): the reply to the message; under LMTP and PRDR each recipient's own.
        refused: (recipient, error): an `SMTPError` where the server refused the recipient, by RCPT or after the
            message; another `DeliveryError` where no reply came for it, so that it may have the message.
    """

    accepted: Sequence[tuple[str, Reply]]
    refused: Sequence[tuple[str, DeliveryError]]


class Sending:
    """
    One message on its way through one connection.

    Attributes:
        recipients: Their addresses.

    Args:
        binary: The message goes as it is, whatever its lines end in (RFC 3030 §3).
    """

    def __init__(
        self,
        dialog: ClientDialog,
        wire: IBodyWire,
        lmtp: bool,
        recipients: Sequence[str],
        envelope: Envelope,
        body: Source,
        binary: bool,
    ) -> None:
        self.recipients = recipients
        self._dialog = dialog
        self._wire = wire
        self._lmtp = lmtp
        self._envelope = envelope
        self._body = body
        self._binary = binary
        self._chunked = "CHUNKING" in dialog.extensions

    async def run(self) -> Result:
        """
        Send it.

        Raises:
            SMTPError: MAIL, DATA or the message itself was refused.
            RecipientsRefused: Every recipient was.
            DeliveryError: The connection was lost, a reply did not come in time, or the caller cancelled.
        """
        pipelining = "PIPELINING" in self._dialog.extensions
        replies, failure = await (self._in_one_flight() if pipelining else self._step_by_step())
        accepted, refused = self.recipients, NONE
        if failure is not None or max(map(_CODE, replies)) >= 400:
            accepted, refused = self._judged(replies, failure)
        try:
            if failure is not None:
                raise failure
            transfer = Transfer(self._dialog, self._wire, self._lmtp, self._binary, accepted)
            if self._chunked:
                outcomes = await transfer.by_chunks(self._body, len(accepted))
            else:
                checked(replies[-1] if pipelining else await self._dialog.send("DATA", phase="data"), "DATA")
                outcomes = await transfer.by_data(self._body, len(accepted))
            if len(outcomes) == 1 and not self._lmtp:
                reply = outcomes[0]
                assert isinstance(reply, Reply)  # where none came, that was raised
                checked(reply, transfer.verb)
                return Result([(each, reply) for each in accepted], [*refused])
        except DeliveryError as error:
            error.refused = refused
            raise
        by_rcpt, by_end = iter(refused), zip(accepted, outcomes, strict=True)
        rcpts = replies[1 : 1 + len(self.recipients)]
        return _apart([next(by_end) if reply.positive else next(by_rcpt) for reply in rcpts], transfer.verb)

    # ---- the envelope

    async def _step_by_step(self) -> tuple[list[Reply], DeliveryError | None]:
        """For a server that must be waited for after each command."""
        replies: list[Reply] = []
        try:
            replies.append(await self._dialog.send("MAIL", *self._envelope.sender, phase="mail"))
            for words in self._envelope.recipients if replies[0].positive else ():
                replies.append(await self._dialog.send("RCPT", *words, phase="rcpt"))
        except DeliveryError as error:
            return replies, error
        return replies, self._out_of_step()

    async def _in_one_flight(self) -> tuple[list[Reply], DeliveryError | None]:
        """All of the envelope in one write, with DATA where the body goes by it."""
        lines, flight = self._envelope.lines, Flight(self._dialog)
        answers = [("MAIL", "mail"), *[("RCPT", "rcpt")] * len(self.recipients)]
        if not self._chunked:
            lines = [*lines, b"DATA\r\n"]
            answers.append(("DATA", "data"))
        flight.expect(*answers)
        self._dialog.leave(b"".join(lines), self._envelope)
        failure = await flight.over()
        return flight.replies, self._out_of_step() if failure is None and self._dialog.failure is not None else failure

    def _out_of_step(self) -> DeliveryError | None:
        """The error if a reply too many came with the replies to the envelope, which may answer other commands then."""
        failure = self._dialog.failure
        return own_error(failure) if isinstance(failure, ProtocolError) else None

    def _judged(self, replies: Sequence[Reply], failure: DeliveryError | None) -> tuple[Sequence[str], Refusals]:
        """
        The recipients that were accepted, and those that were refused.

        Args:
            replies: Those to the envelope, as far as they came.
            failure: Why the others did not come.

        Raises:
            SMTPError: MAIL was refused.
            RecipientsRefused: Every recipient was.
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
            self._take_back(accepted)
        raise refusal

    def _take_back(self, accepted: Sequence[str]) -> None:
        """
        End the DATA that was accepted although MAIL, or every recipient, was refused.

        Args:
            accepted: Where RCPT was, the lone dot of RFC 2920 §3.1 might deliver an empty message.
        """
        if accepted:
            self._dialog.fail(ProtocolError("the server accepted DATA after it had refused MAIL", command="DATA"))
        else:
            Transfer(self._dialog, self._wire, self._lmtp).nothing()


def _apart(fates: Sequence[tuple[str, Outcome]], verb: str) -> Result:
    """
    What became of a message whose recipients have a reply each.

    Args:
        fates: (recipient, outcome) in RCPT order.

    Raises:
        RecipientsRefused: The server refused all of them.
        DeliveryError: It accepted none, and there are some for which no reply came.
    """
    accepted: list[tuple[str, Reply]] = []
    refused: list[tuple[str, DeliveryError]] = []
    for recipient, outcome in fates:
        if not isinstance(outcome, Reply):
            refused.append((recipient, outcome))
        elif outcome.positive:
            accepted.append((recipient, outcome))
        else:
            refused.append((recipient, SMTPError.from_reply(outcome, verb)))
    if accepted:
        return Result(accepted, refused)
    lost = next((error for _, error in refused if not isinstance(error, SMTPError)), None)
    if lost is None:
        raise RecipientsRefused(refused)
    lost.refused = [(recipient, error) for recipient, error in refused if error is not lost]
    raise lost
