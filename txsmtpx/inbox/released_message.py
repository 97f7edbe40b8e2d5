"""A message as it is released: what is taken from its header, and what is new."""

from __future__ import annotations

import re
from email.utils import formatdate
from uuid import uuid4

from txsmtpx.backends.received import Received
from txsmtpx.backends.relayed import check_hops
from txsmtpx.content.beginning import Beginning
from txsmtpx.content.header_edit import HeaderEdit
from txsmtpx.grammar import path, trace
from txsmtpx.grammar.mailbox import with_a_label

_EMPTY_LINE = re.compile(rb"\n\r?\n")


def released_content(received: Received, now: float, keep_id: bool) -> bytes:
    """
    Return the octets that are released.

    A ``Received`` field comes first (RFC 5321 §4.4), so that a loop ends.  ``Bcc`` and ``Return-Path`` are removed.
    The former would show recipients, the latter is of another delivery.  A new ``Message-ID`` and ``Date`` let servers
    accept a message that is released twice, as Mailpit does.  All other octets are those that were received.

    Args:
        received: The message.
        now: The time, in seconds since the epoch.
        keep_id: True to keep ``Message-ID`` and ``Date``.

    Returns:
        The octets.

    Raises:
        HeaderTooLong: The header is too long to be edited.
        SMTPError: 554 5.4.6 if the message is in a loop.
    """
    content = received.content
    found = _EMPTY_LINE.search(content)
    end = len(content) if found is None else found.end()
    beginning = Beginning(end)
    beginning.add(content[:end])
    check_hops(beginning)
    edit = HeaderEdit(content[:end], body_follows=found is not None)
    edit.insert(0, _trace(received, now))
    edit.delete("bcc")
    edit.delete("return-path")
    if not keep_id:
        edit.replace("message-id", 1, f"Message-ID: <{uuid4().hex}@{_domain(received.sender)}>\r\n".encode("ascii"))
        edit.replace("date", 1, f"Date: {formatdate(now)}\r\n".encode("ascii"))
    return edit.octets + content[end:]


def _trace(received: Received, now: float) -> bytes:
    return trace.received(
        helo=received.helo,
        peer=received.peer_host,
        domain="localhost",
        protocol=received.protocol,
        queue_id=received.queue_id,
        recipient=None,
        when=now,
    )


def _domain(sender: str) -> str:
    """Return the domain of the new identifier (RFC 5322 §3.6.4)."""
    try:
        domain = path.split(with_a_label(sender))[1]
    except ValueError:
        domain = ""
    return domain or "localhost"
