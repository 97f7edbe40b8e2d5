"""
Trace fields: RFC 5321 §4.4, with the protocol types of RFC 3848 and RFC 6531 §4.3.
"""

from __future__ import annotations

import re
from email.utils import formatdate

from txsmtpx.grammar.domain import MAX_DOMAIN, to_a_label
from txsmtpx.grammar.mailbox import with_a_label
from txsmtpx.grammar.path import format_path

_UNSAFE = re.compile(r"[^!-~]|[()\\<>;]")


def with_protocol(*, extended: bool, lmtp: bool, utf8: bool, tls: bool, authenticated: bool) -> str:
    """
    The word behind "with": SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, LMTP..., UTF8SMTP..., UTF8LMTP...

    HELO speaks SMTP, which has no suffixes.
    """
    if not extended:
        return "SMTP"
    name = "LMTP" if lmtp else "SMTP" if utf8 else "ESMTP"
    return "UTF8" * utf8 + name + "S" * tls + "A" * authenticated


def return_path(sender: str) -> bytes:
    """The header that final delivery puts first (RFC 5321 §4.4)."""
    return f"Return-Path: {format_path(sender)}\r\n".encode()


def delivered_to(recipient: str) -> bytes:
    """One recipient that this copy was delivered to."""
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
    The Received header, folded.

    Args:
        helo: What the client called itself; a domain in UTF-8 is written as its A-label.
        peer: Its address, "" where there is none (a UNIX socket).
        recipient: Named only where there is a single one, so that no blind copy is given away (RFC 5321 §7.2).  A
            domain is written as its A-label, so that the field is ASCII unless the local part is not.
        when: Seconds since the epoch.
        priority: What MT-PRIORITY said (RFC 6710 §4.1).
    """
    literal = f" ([IPv6:{peer}])" if ":" in peer else f" ([{peer}])" if peer else ""
    whom = f"\r\n\tfor {_path(recipient)}" if recipient else ""
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
    return _UNSAFE.sub("?", name)[:MAX_DOMAIN] or "unknown"  # a line has at most 998 octets (RFC 5322 §2.1.1)


def _path(recipient: str) -> str:
    try:
        return format_path(with_a_label(recipient))
    except ValueError:
        return format_path(recipient)
