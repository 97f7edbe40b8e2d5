"""The content of a message as MailHog's API describes it: its header fields, its body and its parts."""

from __future__ import annotations

import json

from txsmtpx.content.charset import text_of
from txsmtpx.content.field import unfolded
from txsmtpx.content.header import Header
from txsmtpx.content.part import Part
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.web.json_text import JsonValue

MAX_SOURCE = 16 * 1024 * 1024
"""Octets of a message that is described as a whole."""

MAX_JSON = 16 * 1024 * 1024
"""Octets of the JSON of a whole message.  Its body and its parts have the same text again: four times this in all."""


def mailhog_content(message: ParsedMessage) -> bytes:
    """
    Describe the content of a message.

    Nothing is decoded: clients of MailHog decode transfer encodings and encoded words themselves.  A message that
    exceeds a limit is described without its body and its parts.

    Args:
        message: The message.

    Returns:
        JSON with ``Content``, ``MIME``, and ``Raw`` with ``Data``, which is the whole message.
    """
    root = message.root
    data = json.dumps(text_of(root.source)) if len(root.source) <= MAX_SOURCE else ""
    whole = 0 < len(data) <= MAX_JSON
    described = {
        "Content": content_of(root.header, root.body if whole else b"", len(root.source)),
        "MIME": {"Parts": [_part(each) for each in root.parts]} if whole and root.parts else None,
    }
    raw = data if whole else '""'
    return b'%b, "Raw": {"Data": %b}}' % (json.dumps(described)[:-1].encode("ascii"), raw.encode("ascii"))


def content_of(header: Header, body: bytes, size: int) -> dict[str, JsonValue]:
    """
    Describe a message or a part.

    Args:
        header: Its header.
        body: Its body.
        size: The octets of both.

    Returns:
        The object ``Content`` of MailHog.
    """
    headers: dict[str, list[str]] = {}
    for field in header.fields:
        headers.setdefault(field.name, []).append(text_of(unfolded(field.raw)).strip(" \t\r\n"))
    return {"Headers": headers, "Body": text_of(body), "Size": size, "MIME": None}


def _part(part: Part, outer: bool = True) -> dict[str, JsonValue]:
    # The body of a multipart within another has been described already.
    body = part.body if outer or not part.parts else b""
    described = content_of(part.header, body, part.header.size + len(part.body))
    if part.parts:
        described["MIME"] = {"Parts": [_part(each, outer=False) for each in part.parts]}
    return described
