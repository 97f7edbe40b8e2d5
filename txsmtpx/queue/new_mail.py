"""A message on its way into the queue: its identifier, its envelope and its octets."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.content import serialization
from txsmtpx.dialog.addressing import Recipient
from txsmtpx.dialog.client_body import ClientBody
from txsmtpx.dialog.source import Source
from txsmtpx.dialog.transfer import PIECE
from txsmtpx.grammar.mailbox import needs_utf8
from txsmtpx.grammar.options import MailOptions, RcptOptions
from txsmtpx.queue.queued_mail import NewMail
from txsmtpx.queue.route import Routes


def new_id() -> str:
    """
    Return the identifier of a new message.

    Returns:
        24 characters, of which no other message has the same.
    """
    return secrets.token_hex(12)


def new_envelope(
    sender: str, recipients: Sequence[Recipient], body: ClientBody, options: MailOptions, domain: str, now: float
) -> EnvelopeFields:
    """
    Return the envelope of a message of a program.

    Args:
        sender: The sender.
        recipients: The recipients, each with its parameters.
        body: The message.
        options: The parameters of MAIL.
        domain: The name of this host.
        now: Seconds since the epoch.

    Returns:
        The envelope.  It has SMTPUTF8 if an address needs it, or an address in a field of an ``EmailMessage``.
    """
    utf8 = options.smtputf8 or any(map(needs_utf8, (sender, *(address for address, _ in recipients))))
    return EnvelopeFields(
        queue_id=new_id(),
        sender=sender,
        recipients=tuple([EnvelopeRecipient.of(address, given or RcptOptions()) for address, given in recipients]),
        received=datetime.fromtimestamp(now, UTC),
        protocol="",
        domain=domain,
        body=options.body,
        smtputf8=utf8 or serialization.needs_utf8(body),
        requiretls=options.requiretls,
        auth=options.auth,
        ret=options.ret,
        envid=options.envid,
        deliver_by=options.deliver_by,
        priority=options.priority,
        hold_for=options.hold_for,
        hold_until=options.hold_until,
    )


def new_mail(envelope: EnvelopeFields, body: ReceivedBody, routes: Routes, expire: float) -> NewMail:
    """
    Return a message for the store.

    Args:
        envelope: The envelope.
        body: The body, which was read.
        routes: The routes.
        expire: Seconds after which the message is returned.  They begin when the message may be sent (RFC 4865).

    Returns:
        The message.  It is due when the time of FUTURERELEASE has passed.
    """
    received = envelope.received.timestamp()
    due = received + (envelope.hold_for or 0)
    if envelope.hold_until is not None:
        due = max(due, envelope.hold_until.timestamp())
    return NewMail(
        envelope,
        [routes.destination_of(each.address) for each in envelope.recipients],
        body.name or body.content(),
        body.size,
        due,
        due + expire,
        envelope.priority or 0,
    )


async def pieces(body: Source) -> AsyncIterator[bytes]:
    """
    Read a body.

    Args:
        body: The body.

    Yields:
        Its pieces.
    """
    try:
        while True:
            piece = body.at_hand(PIECE)
            if piece is None:
                piece = await body.next()
            if not piece:
                return
            yield piece
    finally:
        await body.close()
