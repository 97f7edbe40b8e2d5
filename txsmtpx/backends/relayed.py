"""What a relay sends: the message with a Received field before it (RFC 5321 §4.4), and the parameters of MAIL."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator

from txsmtpx.content import header
from txsmtpx.content.beginning import Beginning
from txsmtpx.dialog.demands import EightBit, Watch
from txsmtpx.errors import SMTPError
from txsmtpx.extensions.deliverby import LONGEST_AGO, TOO_SOON_555
from txsmtpx.grammar.mailbox import needs_utf8
from txsmtpx.grammar.options import MailOptions
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import DataContext, Message
from txsmtpx.wire.client import SMTPClient

LOOP_554 = Reply(554, (5, 4, 6), "Too many hops, the message is in a loop")
"""To a message with too many Received fields: it is in a loop."""

MAX_HOPS = 100
"""Received fields that show a loop (RFC 5321 §6.3: at least 100).  Postfix: hopcount_limit = 50, Exim: 30."""

HEADER = 256 * 1024
"""Octets in which the Received fields are counted."""


AHEAD = 64 * 1024
"""Octets of a message that are read before a connection to the next server is needed.  Most messages are smaller."""


class Relayed:
    """
    A message with a Received field before it.  A session of a relay creates it.

    Args:
        message: The message.
        context: The envelope.

    Attributes:
        complete: True after the client has sent all of it.
    """

    def __init__(self, message: Message, context: DataContext) -> None:
        self.complete: bool = False
        self._chunks = aiter(message)
        self._context = context
        self._beginning = Beginning(HEADER)
        self._watch: Watch | None = None

    async def look(self) -> None:
        """
        Read the header, and up to `AHEAD` octets of the message.

        Raises:
            SMTPError: 554 5.4.6 for a loop.
        """
        while not self._beginning.complete or len(self._beginning.octets) < AHEAD:
            try:
                self._beginning.add(await anext(self._chunks))
            except StopAsyncIteration:
                self.complete = True
                break
        check_hops(self._beginning)

    def demand(self, client: SMTPClient, options: MailOptions, eight_bit: EightBit) -> None:
        """
        Check that the next server can get the message, as far as it was received.  The rest is checked when it is sent.

        Args:
            client: The connection to the next server.
            options: The parameters of MAIL, as the client has sent them.
            eight_bit: "refuse" or "send", for octets above 127 if the next server does not offer 8BITMIME.

        Raises:
            NotOffered: The message came with SMTPUTF8, which the next server does not offer, and holds UTF-8 in a
                header field.
            EightBitContent: The message holds octets above 127, and the next server does not offer 8BITMIME.
        """
        dropped = options.smtputf8 and not client.offer.utf8  # RFC 6531 §3.4; Postfix does the same
        seven_bits = eight_bit == "refuse" and not client.offer.eight_bit and options.body != "BINARYMIME"
        if dropped or seven_bits:
            self._watch = Watch(client.offer, seven_bits, dropped)
            self._watch.see(bytes(self._beginning.octets))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._context.received()
        yield bytes(self._beginning.octets)
        if not self.complete:
            async for chunk in self._chunks:
                if self._watch is not None:
                    self._watch.see(chunk)
                yield chunk
            self.complete = True


def check_hops(beginning: Beginning) -> None:
    """
    Check that a message is in no loop.

    Args:
        beginning: Its header.

    Raises:
        SMTPError: 554 5.4.6 if it is in a loop.
    """
    if header.count(bytes(beginning.octets), b"received") >= MAX_HOPS:
        raise SMTPError.from_reply(LOOP_554)


def options_for(client: SMTPClient, sender: str, given: MailOptions, passed: int, authenticated: bool) -> MailOptions:
    """
    Return the parameters of MAIL for the next server.

    Args:
        client: The connection to the next server.
        sender: The sender.
        given: The parameters, as the client has sent them.
        passed: Seconds since then.
        authenticated: True if the relay has authenticated to the next server.

    Returns:
        The parameters.

    Raises:
        SMTPError: 555 5.4.7 if there is no time left to deliver the message (RFC 2852).
    """
    options = copy.copy(given)
    # RFC 4954 §5: the relay does not trust the AUTH parameter of its clients, and has to tell that to a server that
    # trusts the relay.
    options.auth = "" if authenticated else None
    if not client.offer.utf8 and not needs_utf8(sender):
        options.smtputf8 = False  # what needs it may come later: a recipient, a header field
    if not sender and "REQUIRETLS" not in client.extensions:
        options.requiretls = False  # RFC 8689 §5: a report without it is better than none
    if given.deliver_by is not None:  # RFC 2852 §4.1.4: what is left
        left = max(given.deliver_by.seconds - passed, LONGEST_AGO)
        options.deliver_by = by = given.deliver_by._replace(seconds=left)
        if by.mode == "R" and by.seconds <= 0:
            raise SMTPError.from_reply(TOO_SOON_555)
    if given.hold_for is not None:
        options.hold_for = given.hold_for - passed if given.hold_for > passed else None
    return options
