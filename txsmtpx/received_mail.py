"""The receiving end of the backend ``http``: a message in a web application of Django, Flask, FastAPI or the like."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.http_signature import WebhookSecret
from txsmtpx.content.email_message import email_message
from txsmtpx.grammar import asciitext

_PREFIX = "smtp-"


class RequestHeaders(Protocol):
    """The headers of a request, as Django, Flask and FastAPI have them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """
        Return the headers.

        Returns:
            The names and values.
        """


@dataclass(frozen=True)
class ReceivedMail:
    r"""
    A message that the backend ``http`` has sent in the format "raw".

    Attributes:
        envelope: The envelope.
        content: The message, octet for octet.
        id: The idempotency key.  A repeated request has the same.

    Example:
        >>> headers = {
        ...     "Smtp-Queue-Id": "3fa9c1", "Smtp-Sender": "ann@example.org", "Smtp-Recipients": '["bob@example.net"]',
        ...     "Smtp-Received": "2030-01-31T12:00:00Z", "Smtp-Protocol": "ESMTP", "Smtp-Domain": "mail.example.net",
        ... }
        >>> mail = ReceivedMail.of(headers, b"Subject: Hello\r\n\r\nHow are you?\r\n")
        >>> mail.envelope.sender, mail.message["Subject"]
        ('ann@example.org', 'Hello')
    """

    envelope: EnvelopeFields
    content: bytes
    id: str

    @classmethod
    def of(cls, headers: RequestHeaders, body: bytes, secret: str = "") -> ReceivedMail:
        """
        Read a request, and verify its signature.

        Args:
            headers: The headers of the request.
            body: Its body.
            secret: The secret of the backend, ``whsec_...``; ``""`` for requests that are not signed.

        Returns:
            The message.

        Raises:
            ValueError: The signature is wrong, or the request is not one of the backend in the format "raw".
        """
        named = {asciitext.lower(name): value for name, value in headers.items()}
        if secret:
            WebhookSecret(secret).verify(named, body, time.time())
        fields = {name[len(_PREFIX) :].replace("-", "_"): each for name, each in named.items() if name[:5] == _PREFIX}
        envelope = EnvelopeFields.parsed(fields)
        return cls(envelope, body, named.get("idempotency-key", envelope.queue_id))

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return email_message(self.content)
