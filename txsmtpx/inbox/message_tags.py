"""
The tags of a message.

They are the words of the field ``X-Tags``, with commas between them, and the part behind ``+`` in the local part of
each recipient of the envelope, such as ``signup`` in ``ann+signup@example.org`` (RFC 5233).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MAX_TAGS = 20
"""Tags of a message."""

MAX_TAG = 100
"""Characters of a tag."""

MAX_RECIPIENTS = 1000
"""Recipients in which tags are looked for."""


def tags_of(recipients: Sequence[str], fields: Iterable[str]) -> list[str]:
    """
    Return the tags of a message.

    Args:
        recipients: The addresses of RCPT.
        fields: The decoded ``X-Tags`` fields.

    Returns:
        The tags in lower case, each once, in order.

    Example:
        >>> tags_of(["ann+Signup@example.org"], ["welcome, new user"])
        ['signup', 'welcome', 'new user']
    """
    found = []
    for address in recipients[:MAX_RECIPIENTS]:
        local = address.rpartition("@")[0]
        found.append(local.strip('"').partition("+")[2])
    for field in fields:
        found += field[: MAX_TAGS * MAX_TAG].split(",")
    return [tag for tag in plain_tags(found) if len(tag) <= MAX_TAG][:MAX_TAGS]


def plain_tags(tags: Iterable[str]) -> list[str]:
    """
    Return tags in the form in which they are stored and compared.

    Args:
        tags: The tags.

    Returns:
        The tags in lower case, without white space around them, each once; empty ones are left out.

    Example:
        >>> plain_tags([" Welcome", "welcome", ""])
        ['welcome']
    """
    return list(dict.fromkeys(filter(None, (tag.strip().lower() for tag in tags))))
