"""
A message handed to a server that takes only so much: RFC 5321 §3.3, RFC 9422.

What the body and the envelope need is found out here; `Sending` then says it, once or, where the server takes
only so many recipients at a time, in several transactions.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

from twisted.internet.defer import Deferred

from txsmtpx.content import serialization
from txsmtpx.dialog import demands, shares, source
from txsmtpx.dialog.addressing import addressed, check_addresses, check_options
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.demands import Content, EightBit
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.sending import Result, Sending
from txsmtpx.dialog.transfer import IBodyWire
from txsmtpx.errors import BodyFailed, CommandCancelled, Delivered, DeliveryError, MessageTooBig, NotOffered
from txsmtpx.grammar.mailbox import needs_utf8
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.grammar.transparency import has_bare, size_as_sent


class Submission:
    """
    One message, for one connection.

    Args:
        in_thread: Calls a function in a thread, for bodies that are files.
        eight_bit: What becomes of octets that the server does not take.
    """

    def __init__(
        self,
        dialog: ClientDialog,
        wire: IBodyWire,
        lmtp: bool,
        in_thread: Callable[..., Deferred[Any]],
        eight_bit: EightBit,
    ) -> None:
        self._dialog = dialog
        self._wire = wire
        self._lmtp = lmtp
        self._in_thread = in_thread
        self._eight_bit = eight_bit
        self._looked_at: Content | None = None

    async def run(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None,
    ) -> Result:
        """`txsmtpx.SMTPClient.send`."""
        sender, pairs = addressed(sender, recipients)
        if options is not None:
            check_options(options)
        if not isinstance(body, bytes) and source.needs_look(body):
            binary = options is not None and options.body == "BINARYMIME"
            self._looked_at = await source.look(body, binary, self._in_thread)
        limits = self._dialog.extensions.get("LIMITS")
        parts = [pairs] if limits is None else self._dialog.allowance.shares(pairs, limits)
        again = shares.again(body) if len(parts) > 1 else None
        try:  # What is wrong with one of them is found before anything is sent.
            if again is None:
                prepared = [self._prepared(sender, pairs, body, options)]
            else:
                prepared = [self._prepared(sender, part, again(), options) for part in parts]
        except (ValueError, NotOffered):
            check_addresses(sender, pairs)  # which says which of them
            raise
        return await (self._send(prepared[0]) if again is None else self._send_all(prepared, again))

    async def _send_all(self, parts: Sequence[Sending], again: Callable[[], Any]) -> Result:
        """
        One after the other.

        Args:
            again: Sets a file back to where it was.
        """
        outcomes: list[tuple[Sequence[str], Result | DeliveryError]] = []
        accepted: list[tuple[str, Reply]] = []
        for part in parts:
            again()
            outcome: Result | DeliveryError
            try:
                outcome = await self._send(part)
                accepted += outcome.accepted
            except CommandCancelled as error:
                if accepted:
                    error.accepted, error.delivered = [*accepted, *error.accepted], Delivered.YES
                raise
            except DeliveryError as error:
                outcome = error
            except Exception as error:
                if not accepted:
                    raise
                outcome = BodyFailed(f"the body failed: {type(error).__name__}: {error}")
            outcomes.append((part.recipients, outcome))
        return shares.merged(outcomes)

    def _prepared(
        self, sender: str, pairs: Sequence[tuple[str, RcptOptions]], body: Any, options: MailOptions | None
    ) -> Sending:
        """
        One transaction, ready to be sent.

        Raises:
            NotOffered: The server cannot take the message.
            ValueError: An address is none.
        """
        given = copy.copy(options) if options is not None else MailOptions()
        binary = given.body == "BINARYMIME"
        if len(pairs) > 1 and "prdr" not in vars(given):
            given.prdr = True  # where it is offered
        recipients = [each for each, _ in pairs]
        message = self._describe(sender, recipients, body, given)
        envelope = Envelope(sender, pairs, given, self._dialog.offer)
        return Sending(self._dialog, self._wire, self._lmtp, recipients, envelope, message, binary)

    async def _send(self, part: Sending) -> Result:
        """In one transaction."""
        if self._dialog.left_open:
            await self._dialog.send("RSET")
        self._dialog.left_open = True
        result = await part.run()
        self._dialog.left_open = False
        return result

    def _describe(self, sender: str, recipients: Sequence[str], body: Any, options: MailOptions) -> source.Source:
        """The body, and what MAIL says of it."""
        offered, offer = self._dialog.extensions, self._dialog.offer
        utf8 = False
        if isinstance(body, Message):
            if serialization.needs_utf8(body):
                if not offer.utf8:
                    raise NotOffered("the server does not offer SMTPUTF8, which an address in the header needs")
                options.smtputf8 = True
            asked = options.smtputf8 or any(map(needs_utf8, (sender, *recipients)))
            utf8 = offer.utf8 and (asked or serialization.came_in_utf8(body))
        message = source.source(body, offered, self._in_thread, utf8)
        if message.octets is None or vars(options) or not message.octets.isascii():
            content = self._looked_at or source.content(body, message, options.body == "BINARYMIME")
            message.checked = content.checked
            message.watch = demands.settle(content, options, offer, self._eight_bit, self._lmtp)
        else:  # as most messages: it demands nothing
            bare = has_bare(message.octets)
            message.checked, options.size = not bare, size_as_sent(message.octets, bare)
        limit = offered.get("SIZE")
        if limit and options.size is not None and options.size > limit:
            raise MessageTooBig(f"the server takes {limit} octets (SIZE), the message has {options.size}")
        return message
