"""
A message as the broker has it: the envelope in the headers, the body in the message or in a file.

A header for each field of the envelope has the name of the field: ``smtp-sender``, ``smtp-recipients``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.backends.pika_types import PropertiesLike

PREFIX = "smtp-"
"""The beginning of the names of all headers."""

BODY_FILE = f"{PREFIX}body-file"
"""The header with the name of the file that has the body."""

ATTEMPTS = f"{PREFIX}attempts"
"""The header with the number of failed attempts to handle the message."""

REASON = f"{PREFIX}reason"
"""The header with the reason for which an attempt has failed."""

PERSISTENT = 2
"""The delivery mode of a message that survives a restart of the broker."""

MOST_HEADERS = 120_000
"""Octets of all headers.  pika sends them in one frame, which has 131,072 octets at most."""


def headers_of(envelope: EnvelopeFields) -> dict[str, str]:
    """
    Return the headers for an envelope.

    Args:
        envelope: The envelope.

    Returns:
        The headers.
    """
    return {f"{PREFIX}{name.replace('_', '-')}": text for name, text in envelope.as_strings().items()}


def envelope_of(headers: Mapping[str, object]) -> EnvelopeFields:
    """
    Return the envelope that headers describe; the inverse of `headers_of`.

    Args:
        headers: All headers of the message.

    Returns:
        The envelope.

    Raises:
        ValueError: A field is missing or malformed.
    """
    return EnvelopeFields.parsed(
        {
            name.removeprefix(PREFIX).replace("-", "_"): value
            for name, value in headers.items()
            if name.startswith(PREFIX) and isinstance(value, str)
        }
    )


def number_in(headers: Mapping[str, object], name: str) -> int:
    """
    Return a header that is a number.

    Args:
        headers: All headers.
        name: The name of the header.

    Returns:
        The number; 0 if there is none.
    """
    value = headers.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def size_of(headers: Mapping[str, object]) -> int:
    """
    Return the octets that headers take.

    Args:
        headers: The headers, whose values are texts or numbers.

    Returns:
        The octets, or a few more.
    """
    return sum(len(name) + len(str(value).encode("utf-8", "replace")) + 16 for name, value in headers.items())


def properties_of(message_id: str, envelope: EnvelopeFields, headers: Mapping[str, object]) -> PropertiesLike:
    """
    Return the properties of a persistent message.

    Args:
        message_id: The identifier of the message.
        envelope: The envelope.
        headers: All headers.

    Returns:
        The properties.
    """
    from pika import BasicProperties

    properties = BasicProperties(
        content_type="message/rfc822",
        delivery_mode=PERSISTENT,
        message_id=message_id,
        timestamp=int(envelope.received.timestamp()),
        type="mail",
        app_id="txsmtpx",
        headers=dict(headers),
    )
    return cast(PropertiesLike, properties)
