"""Trace fields (RFC 5321 §4.4), with the protocol types of RFC 3848 and RFC 6531 §4.3."""

from __future__ import annotations

import re
from email.utils import formatdate

from txsmtpx.grammar.domain import MAX_DOMAIN, to_a_label
from txsmtpx.grammar.mailbox import with_a_label
from txsmtpx.grammar.path import format_path

# Characters that could end a clause of Received or begin another one: white space, controls, parentheses, backslashes,
# angle brackets, and semicolons.
_UNSAFE = re.compile(r"[^!-~]|[()\\<>;]")


def return_path(sender: str) -> bytes:
    r"""
    Return the Return-Path field, which final delivery adds at the beginning of a message (RFC 5321 §4.4).

    Args:
        sender: The sender of the envelope, "" for the null path.

    Returns:
        The field with its CRLF.

    Example:
        >>> return_path("ann@example.org")
        b'Return-Path: <ann@example.org>\r\n'
    """
    return f"Return-Path: {format_path(sender)}\r\n".encode()


def delivered_to(recipient: str) -> bytes:
    r"""
    Return the Delivered-To field of a copy.

    Args:
        recipient: The recipient to which the copy is delivered.

    Returns:
        The field with its CRLF.

    Example:
        >>> delivered_to("bob@example.org")
        b'Delivered-To: bob@example.org\r\n'
    """
    return f"Delivered-To: {format_path(recipient)[1:-1]}\r\n".encode()


def received(
    *,
    helo: str,
    peer: str,
    domain: str,
    protocol: str,
    queue_id: str,
    recipient: str | None,
    when: float,
    priority: int | None = None,
) -> bytes:
    """
    Return the Received field (RFC 5321 §4.4).

    Args:
        helo: The argument of the client's EHLO, LHLO or HELO.  A domain in UTF-8 is written as A-labels.
        peer: The client's IP address, "" for a client on a UNIX socket.
        domain: The name of the server.
        protocol: The protocol type, such as "ESMTPS" (RFC 3848).
        queue_id: The identifier of the message.
        recipient: The recipient if the message has a single one, otherwise None.  So the field reveals no blind copy
            (RFC 5321 §7.2).  The domain is written as A-labels, so that the field is ASCII unless the local part is
            not.
        when: Seconds since the epoch.
        priority: The priority of the message, None if it has none (RFC 6710 §4.1).

    Returns:
        The field, folded, with its CRLF.
    """
    literal = f" ([IPv6:{peer}])" if ":" in peer else f" ([{peer}])" if peer else ""
    whom = f"\r\n\tfor {_path(recipient)}" if recipient else ""
    # RFC 5321 §4.4: "with", "id" and "for" in this order, then registered clauses such as PRIORITY.
    clause = "" if priority is None else f" PRIORITY {priority}"
    return (
        f"Received: from {_named(helo)}{literal}\r\n"
        f"\tby {domain} (txsmtpx) with {protocol} id {queue_id}{whom}{clause};\r\n"
        f"\t{formatdate(when, localtime=True)}\r\n"
    ).encode()


def _named(helo: str) -> str:
    try:
        name = to_a_label(helo)
    except ValueError:
        name = helo
    # MAX_DOMAIN keeps the line below its limit of 998 octets (RFC 5322 §2.1.1).
    return _UNSAFE.sub("?", name)[:MAX_DOMAIN] or "unknown"


def _path(recipient: str) -> str:
    try:
        return format_path(with_a_label(recipient))
    except ValueError:
        return format_path(recipient)
