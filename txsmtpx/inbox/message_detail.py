"""
A message as it is shown when it is opened: all that a page and the API need of it, within limits.

A short message is opened in the process of the server, a long one by `txsmtpx.inbox.parser_process_main`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from txsmtpx.backends.memory import Received
from txsmtpx.content.part import MAX_PARTS
from txsmtpx.grammar.options import MailOptions
from txsmtpx.inbox.parsed_message import ParsedMessage

MAX_FIELDS = 1000
"""Header fields."""

MAX_FIELD = 64 * 1024
"""Octets of a header field."""

MAX_HEADER = 256 * 1024
"""Octets of all header fields together."""

MAX_CONTENT_ID = 1000
"""Characters of a Content-ID."""

MAX_TEXT = 1024 * 1024
"""Octets of UTF-8 of the text."""

MAX_HTML = 4 * 1024 * 1024
"""Octets of UTF-8 of the HTML."""


@dataclass(frozen=True)
class PartDetail:
    """
    A part of a message, without its content.

    Attributes:
        number: 1 for the first.
        size: octets of the content, its transfer encoding undone.
        is_body: whether it is text to be read as part of the message.
    """

    number: int
    content_type: str
    disposition: str
    filename: str
    download_name: str
    content_id: str
    size: int
    is_body: bool


@dataclass(frozen=True)
class MessageDetail:
    """
    An opened message.

    Attributes:
        whole: False where something is left out, for which there is the source.
        headers: the fields as they stand, names and decoded values.
        parts: those that are not themselves made of parts.
        text: the text to be read, in UTF-8; None where there is none.
        html: the HTML to be read, in UTF-8, as it came and not safe to show; None where there is none.
        words: the text as it can be read, in UTF-8, also where there is HTML only.
        remote: references of the HTML to images and styles elsewhere, none of which is followed.
    """

    whole: bool
    headers: Sequence[Sequence[str]]
    parts: Sequence[PartDetail] = ()
    text: bytes | None = None
    html: bytes | None = None
    words: bytes = b""
    remote: int = 0

    @classmethod
    def of(cls, letter: ParsedMessage) -> MessageDetail:
        """Open all of a message."""
        headers, complete = _headers(letter)
        parts = [
            PartDetail(
                part.number,
                part.content_type,
                part.disposition,
                part.filename,
                part.download_name,
                part.content_id[:MAX_CONTENT_ID],
                len(part.octets),
                part.is_body("plain") or part.is_body("html"),
            )
            for part in letter.parts
        ]
        text, html, words = _utf8(letter.text), _utf8(letter.html), _utf8(letter.words) or b""
        sanitized_html = letter.sanitized_html
        whole = (
            letter.whole
            and complete
            and len(parts) < MAX_PARTS
            and max(len(text or b""), len(words)) <= MAX_TEXT
            and len(html or b"") <= MAX_HTML
            and not (sanitized_html and sanitized_html.cut)
        )
        return cls(
            whole,
            headers,
            parts,
            text and text[:MAX_TEXT],
            html and html[:MAX_HTML],
            words[:MAX_TEXT],
            sanitized_html.remote if sanitized_html else 0,
        )

    @classmethod
    def header_of(cls, letter: ParsedMessage) -> MessageDetail:
        """Show only the header, for a message that cannot be opened."""
        return cls(False, _headers(letter)[0])

    def header(self, name: str) -> str:
        """Return the value of the first field of this name, "" where there is none."""
        return next((value for each, value in self.headers if each.lower() == name), "")

    @property
    def attachments(self) -> list[PartDetail]:
        """The parts that are not text to be read."""
        return [part for part in self.parts if not part.is_body]

    @property
    def held(self) -> int:
        """Octets of memory that this takes, about."""
        characters = sum(len(name) + len(value) for name, value in self.headers)
        bodies = sum(len(each or b"") for each in (self.text, self.html, self.words))
        return characters + 200 * len(self.headers) + 1000 * len(self.parts) + bodies

    def written(self) -> bytes:
        """Write this down for another process, which has `read`."""
        bodies = [self.text, self.html, self.words]
        fields = {
            "whole": self.whole,
            "headers": self.headers,
            "parts": [asdict(part) for part in self.parts],
            "remote": self.remote,
            "bodies": [None if body is None else len(body) for body in bodies],
        }
        return b"\n".join([json.dumps(fields).encode("ascii"), b"".join(body or b"" for body in bodies)])

    @classmethod
    def read(cls, octets: bytes) -> MessageDetail:
        """Read what `written` wrote."""
        at = octets.index(b"\n") + 1
        fields = json.loads(octets[:at])
        bodies = []
        for length in fields["bodies"]:
            bodies.append(None if length is None else octets[at : at + length])
            at += length or 0
        text, html, words = bodies
        parts = [PartDetail(**each) for each in fields["parts"]]
        return cls(fields["whole"], fields["headers"], parts, text, html, words or b"", fields["remote"])


def _headers(letter: ParsedMessage) -> tuple[list[tuple[str, str]], bool]:
    """The fields that fit, each cut to `MAX_FIELD`, and whether these are all there are."""
    found: list[tuple[str, str]] = []
    complete = len(letter.header.fields) <= MAX_FIELDS
    left = MAX_HEADER
    for field in letter.header.fields[:MAX_FIELDS]:
        size = len(field.name) + len(field.raw)
        complete = complete and size <= min(MAX_FIELD, left)
        if min(size, MAX_FIELD) <= left:  # which is known before the value is decoded
            left -= min(size, MAX_FIELD)
            found.append((field.name[:MAX_FIELD], field.text[:MAX_FIELD]))
    return found, complete


def _utf8(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")


def parsed_content(content: bytes) -> ParsedMessage:
    """Take apart a message whose envelope does not matter."""
    return ParsedMessage(Received("", (), content, MailOptions(), (), "", None, "", "", "", 0, 0.0))


def rendered_view(letter: ParsedMessage, view: str, number: int = 0) -> bytes | None:
    """
    Return what is asked of a message.

    Args:
        view: "opened" for what `MessageDetail.read` reads, "frame" for the HTML, safe to show and in UTF-8, or "part"
            for the octets of a part, its transfer encoding undone.
        number: The number of the part.

    Returns:
        None where there is no HTML, or no such part.
    """
    if view == "opened":
        return MessageDetail.of(letter).written()
    if view == "frame":
        return None if letter.sanitized_html is None else letter.sanitized_html.html.encode("utf-8", "replace")
    return next((part.octets for part in letter.parts if part.number == number), None)
