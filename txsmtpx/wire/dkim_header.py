"""The header of a message as a DKIM signature covers it (RFC 6376): the signed fields, and the author's domain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from txsmtpx.content import address
from txsmtpx.grammar import asciitext

SIGNED = (
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post",
)  # fmt: skip
"""Fields that are signed once more than they are there."""

_WELL_FORMED = re.compile(rb"(?:[!-9;-~]++:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+)++").fullmatch
_NAME = re.compile(rb"^([!-9;-~]++):", re.MULTILINE)
_FROM = re.compile(rb"(?:\A|\r\n)from[ \t]*+:([^\r]*+(?:\r\n[ \t][^\r]*+)*+)", re.IGNORECASE)


def is_well_formed(header: bytes) -> bool:
    r"""
    Return whether every verifier splits a header into the same fields.

    Args:
        header: The header.

    Returns:
        True if each line ends in CRLF, and begins with the name of a field or continues one.

    Example:
        >>> is_well_formed(b"Subject: one\r\n two\r\n"), is_well_formed(b"Subject: one\ntwo\r\n")
        (True, False)
    """
    return _WELL_FORMED(header) is not None


def author_domain(header: bytes) -> str:
    r"""
    Return the domain of the author of a message.

    Args:
        header: The header.

    Returns:
        The domain; "" if there is not exactly one From with exactly one address.

    Example:
        >>> author_domain(b"From: Ann <ann@example.org>\r\n")
        'example.org'
    """
    found = _FROM.findall(header)
    if len(found) != 1 or len(found[0]) > address.MAX_TEXT:
        return ""
    domains = {each.address.rpartition("@")[2] for each in address.parse(found[0])}
    return domains.pop() if len(domains) == 1 else ""


def signed_names(header: bytes) -> Sequence[bytes]:
    r"""
    Return the names of the fields that a signature covers, each once more than it is there (RFC 6376 §8.15).

    Args:
        header: The header, which is well-formed.

    Returns:
        The names, in lower case.

    Example:
        >>> signed_names(b"From: ann@example.org\r\n")[:3]
        (b'from', b'from', b'sender')
    """
    there = [asciitext.lower(name.decode("ascii")) for name in _NAME.findall(header)]
    return tuple(each.encode() for each in SIGNED for _ in range(there.count(each) + 1))
