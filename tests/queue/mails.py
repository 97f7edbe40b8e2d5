"""Messages for the tests of queues."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.envelope_recipient import EnvelopeRecipient
from txsmtpx.queue.queued_mail import NewMail

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()
"""The time of the messages."""

_numbers = itertools.count(1)


def envelope(*recipients: str | EnvelopeRecipient, sender: str = "ann@example.org", **more: Any) -> EnvelopeFields:
    """An envelope with an identifier of its own."""
    return EnvelopeFields(
        queue_id=f"q{next(_numbers)}",
        sender=sender,
        recipients=tuple(EnvelopeRecipient(each) if isinstance(each, str) else each for each in recipients),
        received=datetime.fromtimestamp(NOW, UTC),
        protocol="ESMTP",
        domain="mail.example.org",
        **more,
    )


def new_mail(
    *recipients: str,
    body: bytes | str = b"Subject: hello\r\n\r\nHi\r\n",
    size: int | None = None,
    due: float = NOW,
    destinations: Sequence[str] = (),
    sender: str = "ann@example.org",
    **more: Any,
) -> NewMail:
    """A message; the destinations are the domains unless given."""
    found = envelope(*(recipients or ("bob@example.net",)), sender=sender)
    where = destinations or [each.address.rpartition("@")[2] for each in found.recipients]
    return NewMail(found, where, body, len(body) if size is None else size, due, NOW + 432_000, **more)
