"""Addresses in header fields such as From, To and Cc (RFC 5322 §3.4), as people and programs write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from txsmtpx.content.charset import text_of
from txsmtpx.content.field import unfolded, value_text

MAX_ADDRESSES = 1000
"""Addresses that are read of one field.  What follows is ignored."""

MAX_TEXT = 64 * 1024
"""Octets that are read of one field.  What follows is ignored."""

_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*+)\"", re.DOTALL)
_TOKEN = re.compile(r"<([^<>]*+)>?|([()<>,;:\"])|([^()<>,;:\"]++)")
_PAIR = re.compile(r"\\(.)", re.DOTALL)


class Address(NamedTuple):
    """
    One address of a field.

    Attributes:
        name: The display name, or else the comment beside the address; "" if there is neither.
        address: The mailbox; "" if none was found.

    Example:
        >>> parse(b"ann@example.org")[0].address
        'ann@example.org'
    """

    name: str
    address: str


def parse(raw: bytes) -> list[Address]:
    """
    Parse a list of addresses.

    Names are decoded after the list has been split (RFC 2047 §6.2).  So a comma or an angle bracket in an encoded word
    is part of the name.

    Args:
        raw: The octets behind the colon of the field.

    Returns:
        The addresses, those within groups included; at most 1000.

    Example:
        >>> parse(b'"Example, Ann" <ann@example.org>, bob@example.org (Bob)')
        [Address(name='Example, Ann', address='ann@example.org'), Address(name='Bob', address='bob@example.org')]
    """
    found: list[Address] = []
    words: list[str] = []
    comments: list[str] = []
    mailbox: str | None = None
    text = text_of(unfolded(raw[:MAX_TEXT]))
    depth = at = 0
    quotes = True  # False once a quotation mark without an end was found, so that no other search for an end fails

    def take() -> None:
        name = _decoded(" ".join(words))
        comment = _decoded("".join(comments))
        if mailbox is not None:
            found.append(Address(name or comment, mailbox.strip()))
        elif "@" in name:
            found.append(Address(comment, name))
        elif name or comment:
            found.append(Address(name or comment, ""))

    while at < len(text) and len(found) < MAX_ADDRESSES:
        quoted = _QUOTED.match(text, at) if quotes and text[at] == '"' and not depth else None
        if quoted is not None:
            words.append(_PAIR.sub(r"\1", quoted[1]))
            at = quoted.end()
            continue
        token = _TOKEN.match(text, at)
        assert token is not None  # each character begins one of the alternatives
        at = token.end()
        angle, mark, plain = token.groups()
        if mark in ("(", ")"):
            depth = depth + 1 if mark == "(" else max(0, depth - 1)
        elif depth:
            comments.append(token.group())
        elif angle is not None:
            mailbox = mailbox or angle
        elif mark == '"':
            quotes = False
        elif mark == ":":
            words = []  # the name of a group
        elif mark is not None:
            take()
            words, comments, mailbox = [], [], None
        else:
            words.append(plain)
    if len(found) < MAX_ADDRESSES:
        take()
    return found


def _decoded(text: str) -> str:
    return " ".join(value_text(text.encode("utf-8")).split())
