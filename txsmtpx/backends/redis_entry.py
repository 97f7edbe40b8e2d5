"""
A message as an entry of a stream: the fields of the envelope by their names, and the body or the name of its file.

The entry of a message that is tried again has the number of attempts and the reason too.
"""

from __future__ import annotations

from collections.abc import Mapping

from txsmtpx.backends.envelope_fields import EnvelopeFields
from txsmtpx.grammar import asciitext

CONTENT = "content"
"""The field with the octets of the message."""

BODY_FILE = "body_file"
"""The field with the name of the file that has them, if they are too long for the stream."""

ID = "id"
"""The field with the identifier of the message."""

ATTEMPTS = "attempts"
"""The field with the number of failed attempts to handle the message."""

REASON = "reason"
"""The field with the reason for which an attempt has failed."""


def entry_of(envelope: EnvelopeFields, content: bytes, body_file: str) -> dict[str, str | bytes]:
    """
    Return the entry of a message.

    Args:
        envelope: The envelope.
        content: The octets of the message; empty if they are in a file.
        body_file: The name of the file; ``""`` for none.

    Returns:
        The fields.
    """
    body: dict[str, str | bytes] = {BODY_FILE: body_file} if body_file else {CONTENT: content}
    return {ID: f"{envelope.queue_id}@{envelope.domain}", **envelope.as_strings(), **body}


def envelope_of(entry: Mapping[str, bytes]) -> EnvelopeFields:
    """
    Return the envelope of an entry; the inverse of `entry_of`.

    Args:
        entry: The fields.

    Returns:
        The envelope.

    Raises:
        ValueError: A field is missing or malformed.
    """
    bodies = (CONTENT, BODY_FILE)
    return EnvelopeFields.parsed({name: value.decode() for name, value in entry.items() if name not in bodies})


def text_in(entry: Mapping[str, bytes], name: str) -> str:
    """
    Return a field as text.

    Args:
        entry: The fields.
        name: The name.

    Returns:
        The text; ``""`` if there is no such field.
    """
    return entry.get(name, b"").decode("utf-8", "replace")


def attempts_in(entry: Mapping[str, bytes]) -> int:
    """
    Return the number of failed attempts.

    Args:
        entry: The fields.

    Returns:
        The number; 0 if there is no such field, or if it is malformed.
    """
    text = text_in(entry, ATTEMPTS)
    return int(text) if asciitext.is_number(text) and len(text) < 10 else 0


def changes_of(envelope: EnvelopeFields, reason: str, attempts: int) -> dict[str, str]:
    """
    Return the fields of an entry that change after a failed attempt.

    Args:
        envelope: The envelope, with the recipients that are left.
        reason: The reason of the failure.
        attempts: The number of failed attempts.

    Returns:
        The fields.
    """
    return {**envelope.as_strings(), ATTEMPTS: str(attempts), REASON: reason}
