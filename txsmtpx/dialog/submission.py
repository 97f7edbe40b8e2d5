"""
A message handed to a server that takes only so much: RFC 5321 §3.3, RFC 9422.

What the body and the envelope need is found out here; L{Sending} then says it, once or, where the server takes
only so many recipients at a time, in several transactions.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, TimeoutError

from txsmtpx.dialog import shares, source
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.envelope import Envelope
from txsmtpx.dialog.sending import IBodyWire, Result, Sending
from txsmtpx.errors import NotOffered, ProtocolError, RecipientsRefused, SMTPError
from txsmtpx.grammar.options import MailOptions, RcptOptions

_LOST = (ConnectionClosed, TimeoutError, ProtocolError)


class Submission:
    """One message, for one connection."""

    def __init__(
        self, dialog: ClientDialog, wire: IBodyWire, lmtp: bool, in_thread: Callable[..., Deferred[Any]]
    ) -> None:
        """
        @param in_thread: calls a function in a thread, for bodies that are files.
        """
        self._dialog = dialog
        self._wire = wire
        self._lmtp = lmtp
        self._in_thread = in_thread

    async def run(
        self,
        sender: str,
        recipients: Sequence[str | tuple[str, RcptOptions]],
        body: Any,
        options: MailOptions | None,
    ) -> Result:
        """L{txsmtpx.SMTPClient.send}."""
        if isinstance(recipients, str) or not recipients:
            raise ValueError("recipients are a list of at least one address")
        pairs = [(each, RcptOptions()) if isinstance(each, str) else each for each in recipients]
        parts = self._dialog.allowance.shares(pairs, (each for each, _ in pairs), self._dialog.extensions)
        if len(parts) == 1:
            return await self._once(sender, pairs, body, options)
        again = shares.again(body)
        outcomes: list[tuple[list[str], Result | Exception]] = []
        for part in parts:
            outcome: Result | Exception
            try:
                outcome = await self._once(sender, part, again(), options)
            except (SMTPError, RecipientsRefused, *_LOST) as error:
                outcome = error
            outcomes.append(([each for each, _ in part], outcome))
        return shares.merged(outcomes)

    async def _once(
        self, sender: str, pairs: Sequence[tuple[str, RcptOptions]], body: Any, options: MailOptions | None
    ) -> Result:
        """In one transaction."""
        given = copy.copy(options) if options is not None else MailOptions()
        if given.body == "BINARYMIME" and "CHUNKING" not in self._dialog.extensions:
            raise NotOffered("the server does not offer CHUNKING, which BINARYMIME needs")
        if len(pairs) > 1 and "prdr" not in vars(given):
            given.prdr = True  # where it is offered
        recipients = [each for each, _ in pairs]
        message = self._describe(sender, recipients, body, given)
        envelope = Envelope(sender, pairs, given, self._dialog.offer)
        sending = Sending(self._dialog, self._wire, self._lmtp, given.body == "BINARYMIME")
        try:
            return await sending.run(recipients, envelope, message)
        except (SMTPError, RecipientsRefused):
            if self._dialog.failure is None:
                with contextlib.suppress(Exception):  # the error that counts is the first
                    await self._dialog.send("RSET")  # whatever of a transaction is left
            raise

    def _describe(self, sender: str, recipients: Sequence[str], body: Any, options: MailOptions) -> source.Source:
        """The body, and what MAIL says of it."""
        addresses_need = not all(map(str.isascii, (sender, *recipients)))
        needs = options.smtputf8 or source.needs_utf8(body)
        if needs:
            options.smtputf8 = True
        message = self._source(body, "SMTPUTF8" in self._dialog.extensions and (needs or addresses_need))
        if message.eight_bit and "body" not in vars(options):
            options.body = "8BITMIME"
        if "size" not in vars(options):
            size = source.size_of(body) if message.octets is None else len(message.octets)
            options.size = size
        limit = self._dialog.extensions.get("SIZE")
        if limit and options.size is not None and options.size > limit:
            raise SMTPError(552, (5, 3, 4), f"The server takes {limit} octets, not {options.size}", command="MAIL")
        return message

    def _source(self, body: Any, utf8: bool) -> source.Source:
        return source.source(body, self._dialog.extensions, self._in_thread, utf8)
