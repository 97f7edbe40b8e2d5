"""
A message of any kind, for one connection: RFC 5321 §3.3, RFC 9422 §4.2.

`Submission` finds out what the body and the envelope demand of the server.  Then it sends the message in one
`ClientTransaction`, or in several where the server accepts only so many recipients at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from email.message import Message

from txsmtpx.content import serialization
from txsmtpx.dialog import demands, source
from txsmtpx.dialog.addressing import Recipient, Recipients, addressed, check_addresses, check_options
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_body import ClientBody, is_seekable
from txsmtpx.dialog.client_result import Result, merged
from txsmtpx.dialog.client_transaction import ClientTransaction
from txsmtpx.dialog.demands import Content, EightBit
from txsmtpx.dialog.source import Source
from txsmtpx.dialog.transfer import PIECE
from txsmtpx.errors import BodyFailed, CommandCancelled, Delivered, DeliveryError, NotOffered
from txsmtpx.grammar.mailbox import needs_utf8
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply


def again(body: ClientBody) -> Callable[[], ClientBody]:
    """
    Return a function that gives a body from its beginning each time.

    Args:
        body: The body.

    Returns:
        The function.

    Raises:
        ValueError: The body can be read only once.
    """
    if isinstance(body, bytes | bytearray | memoryview | Message | list | tuple):
        return lambda: body
    if is_seekable(body):
        file, start = body, body.tell()

        def rewound() -> ClientBody:
            file.seek(start)
            return file

        return rewound
    raise ValueError(
        "more recipients than the server accepts at a time (RCPTMAX): the body has to be sent more than once, "
        "so it must be bytes, an EmailMessage or a seekable file"
    )


def repeatable(body: ClientBody) -> Callable[[], ClientBody] | None:
    """
    Return a function that gives a body from its beginning each time, if that is possible.

    Args:
        body: The body.

    Returns:
        The function; None if the body can be read only once.
    """
    try:
        return again(body)
    except ValueError:
        return None


class Submission:
    """
    One message, for one connection.  `txsmtpx.SMTPClient` creates it; use it once.

    Args:
        dialog: The dialog of the connection.
        eight_bit: What becomes of octets that the server does not accept: "refuse" or "send".
    """

    def __init__(self, dialog: ClientDialog, eight_bit: EightBit = "refuse") -> None:
        self._dialog = dialog
        self._eight_bit = eight_bit
        self._looked_at: Content | None = None

    async def run(
        self, sender: str, recipients: Recipients, body: ClientBody, options: MailOptions | None = None
    ) -> Result:
        """
        Send the message.

        Args:
            sender: An address, "" for the null reverse-path.
            recipients: Addresses, or (address, its options).
            body: The message.
            options: The options of MAIL.

        Returns:
            The result, if at least one recipient was accepted.

        Raises:
            DeliveryError: See `txsmtpx.SMTPClient.send`, as for ValueError and TypeError.
        """
        sender, pairs = addressed(sender, recipients)
        check_options(options)
        if not isinstance(body, bytes) and is_seekable(body):
            binary = options is not None and options.body == "BINARYMIME"
            self._looked_at = await source.look(body, binary, self._dialog.wire.in_thread)
        limits = self._dialog.offer.extensions.get("LIMITS")
        parts = [pairs] if limits is None else self._dialog.allowance.parted(pairs, limits)
        rewound = again(body) if len(parts) > 1 else None
        try:  # an error in one of them is found before anything is sent
            if rewound is None:
                prepared = [self._prepared(sender, pairs, body, options)]
            else:
                prepared = [self._prepared(sender, part, rewound(), options) for part in parts]
        except (ValueError, NotOffered):
            check_addresses(sender, pairs)  # which names the address
            raise
        return await (prepared[0].run() if rewound is None else self._send_all(prepared, rewound))

    async def _send_all(self, parts: Sequence[ClientTransaction], rewound: Callable[[], ClientBody]) -> Result:
        """
        Send one transaction after the other.

        Args:
            parts: The transactions.
            rewound: Sets a file back to where it was.

        Returns:
            The results of all of them as one.
        """
        outcomes: list[tuple[Sequence[str], Result | DeliveryError]] = []
        accepted: list[tuple[str, Reply]] = []
        for part in parts:
            rewound()
            outcome: Result | DeliveryError
            try:
                outcome = await part.run()
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
        return merged(outcomes)

    def _prepared(
        self, sender: str, pairs: Sequence[Recipient], body: ClientBody, options: MailOptions | None
    ) -> ClientTransaction:
        """
        Prepare one transaction.

        Returns:
            The transaction, of which nothing is sent yet.

        Raises:
            NotOffered: The server cannot accept the message.
            ValueError: An address is none.
        """
        given = copy.copy(options) if options is not None else MailOptions()
        binary = given.body == "BINARYMIME"
        if len(pairs) > 1 and "prdr" not in vars(given):
            given.prdr = True  # where it is offered
        message = self._described(sender, [each for each, _ in pairs], body, given)
        envelope = self._dialog.offer.envelope(sender, pairs, given)
        octets = message.octets
        if octets is not None and len(octets) <= PIECE:
            return ClientTransaction(self._dialog, envelope, octets, message.checked, binary)
        return ClientTransaction(self._dialog, envelope, message, binary=binary)

    def _described(self, sender: str, recipients: Sequence[str], body: ClientBody, options: MailOptions) -> Source:
        """Return the body to send, and note in the options what MAIL has of it."""
        offer, utf8 = self._dialog.offer, False
        if isinstance(body, Message):
            if serialization.needs_utf8(body):
                if not offer.utf8:
                    raise NotOffered("the server does not offer SMTPUTF8, which an address in the header needs")
                options.smtputf8 = True
            asked = options.smtputf8 or any(map(needs_utf8, (sender, *recipients)))
            utf8 = offer.utf8 and (asked or serialization.came_in_utf8(body))
        message = source.source(body, offer.extensions, self._dialog.wire.in_thread, utf8)
        content = self._looked_at or source.content(body, message, options.body == "BINARYMIME")
        message.checked = content.checked
        message.watch = demands.settle(content, options, offer, self._eight_bit, self._dialog.lmtp)
        offer.check_size(options.size)
        return message
