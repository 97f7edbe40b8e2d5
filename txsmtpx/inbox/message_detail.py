"""
The details of one message: what its page and the API show, within limits.

The server parses a short message itself.  `txsmtpx.inbox.parser_process_main` parses a long one in another process, and
sends the details back as octets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from txsmtpx.backends.received import Received
from txsmtpx.content.part import MAX_PARTS
from txsmtpx.grammar.options import MailOptions
from txsmtpx.inbox.checked_content import CheckedContent
from txsmtpx.inbox.mailhog_content import mailhog_content
from txsmtpx.inbox.message_structure import StructurePart
from txsmtpx.inbox.parsed_message import ParsedMessage
from txsmtpx.inbox.part_checksums import serialized_checksums
from txsmtpx.inbox.remote_references import RemoteReferences

MAX_FIELDS = 1000
"""Header fields of a message."""

MAX_FIELD = 64 * 1024
"""Octets of a header field."""

MAX_HEADER = 256 * 1024
"""Octets of all header fields together."""

MAX_CONTENT_ID = 1000
"""Characters of a Content-ID."""

MAX_TEXT = 1024 * 1024
"""Octets of the plain text, in UTF-8."""

MAX_HTML = 4 * 1024 * 1024
"""Octets of the HTML, in UTF-8."""

View = Literal["detail", "html", "remote", "part", "content", "checksums", "mailhog"]
"""A view of a message that the parser computes, see `rendered_view`."""


@dataclass(frozen=True)
class PartDetail:
    """
    Describe one part of a message, without its content.

    Attributes:
        number: The number of the part.  The first part has number 1.
        content_type: The media type, such as "image/png".
        disposition: The Content-Disposition: "attachment", "inline", or "" if there is none.
        filename: The file name that the sender gave, "" if there is none.
        download_name: A file name that is safe to save under.
        content_id: The Content-ID, without angle brackets.
        size: The octets of the content, after its transfer encoding is decoded.
        is_body: True if the part is a body in plain text or in HTML.
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
    Describe one message.  `MessageParser.detail` creates it, directly or by the other process.

    Attributes:
        whole: False if a limit was reached, so that something is missing.  The source has everything.
        headers: The name and the decoded value of each header field, in order.
        parts: The parts that have no parts of their own.
        text: The body in plain text, as UTF-8, None if the message has none.
        html: The body in HTML as it was received, as UTF-8, None if the message has none.  It is not safe to display.
        readable_text: The body in plain text, or else the text of the HTML, as UTF-8.
        remote: The number of references in the HTML to images and styles of other hosts.  They are not loaded.
        structure: All parts, also those that have parts of their own.
    """

    whole: bool
    headers: Sequence[Sequence[str]]
    parts: Sequence[PartDetail] = ()
    text: bytes | None = None
    html: bytes | None = None
    readable_text: bytes = b""
    remote: int = 0
    structure: Sequence[StructurePart] = ()

    @classmethod
    def of(cls, message: ParsedMessage) -> MessageDetail:
        """
        Describe a parsed message.

        Args:
            message: The message.

        Returns:
            All its details.
        """
        headers, complete = _headers(message)
        parts = _parts(message)
        text, html, readable = _utf8(message.text), _utf8(message.html), _utf8(message.readable_text) or b""
        sanitized = message.sanitized_html
        whole = (
            message.whole
            and complete
            and len(parts) < MAX_PARTS
            and max(len(text or b""), len(readable)) <= MAX_TEXT
            and len(html or b"") <= MAX_HTML
            and not (sanitized and sanitized.truncated)
        )
        return cls(
            whole,
            headers,
            parts,
            text and text[:MAX_TEXT],
            html and html[:MAX_HTML],
            readable[:MAX_TEXT],
            sanitized.remote if sanitized else 0,
            StructurePart.of(message.root),
        )

    @classmethod
    def header_of(cls, message: ParsedMessage) -> MessageDetail:
        """
        Describe a message whose body cannot be parsed within the limits.

        Args:
            message: The message.

        Returns:
            Its header fields only.
        """
        return cls(False, _headers(message)[0])

    def header(self, name: str) -> str:
        """
        Return the value of the first header field with a name.

        Args:
            name: The name, in lower case.

        Returns:
            The value, "" if there is no such field.
        """
        return next((value for each, value in self.headers if each.lower() == name), "")

    def part(self, number: int) -> PartDetail:
        """
        Return a part.

        Args:
            number: The number of a part that is there.

        Returns:
            The part.
        """
        return self.parts[number - 1]

    @property
    def attachments(self) -> list[PartDetail]:
        """The parts that are not a body."""
        return [part for part in self.parts if not part.is_body]

    @property
    def held(self) -> int:
        """The approximate memory of this object, in octets."""
        characters = sum(len(name) + len(value) for name, value in self.headers)
        bodies = sum(len(each or b"") for each in (self.text, self.html, self.readable_text))
        return characters + 200 * len(self.headers) + 1000 * (len(self.parts) + len(self.structure)) + bodies

    def serialized(self) -> bytes:
        """
        Serialize the details for another process.

        Returns:
            One line of JSON, and behind it the bodies.  `deserialized` reads them.
        """
        bodies = [self.text, self.html, self.readable_text]
        fields = {
            "whole": self.whole,
            "headers": self.headers,
            "parts": [asdict(part) for part in self.parts],
            "remote": self.remote,
            "structure": [asdict(part) for part in self.structure],
            "bodies": [None if body is None else len(body) for body in bodies],
        }
        return b"\n".join([json.dumps(fields).encode("ascii"), b"".join(body or b"" for body in bodies)])

    @classmethod
    def deserialized(cls, octets: bytes) -> MessageDetail:
        """
        Read the details that `serialized` wrote.

        Args:
            octets: The result of `serialized`.

        Returns:
            The details.
        """
        at = octets.index(b"\n") + 1
        fields = json.loads(octets[:at])
        bodies = []
        for length in fields["bodies"]:
            bodies.append(None if length is None else octets[at : at + length])
            at += length or 0
        text, html, readable = bodies
        parts = [PartDetail(**each) for each in fields["parts"]]
        structure = [StructurePart(**each) for each in fields["structure"]]
        return cls(fields["whole"], fields["headers"], parts, text, html, readable or b"", fields["remote"], structure)


def _parts(message: ParsedMessage) -> list[PartDetail]:
    return [
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
        for part in message.parts
    ]


def _headers(message: ParsedMessage) -> tuple[list[tuple[str, str]], bool]:
    """Return the header fields that fit into the limits, and True if these are complete."""
    found: list[tuple[str, str]] = []
    complete = len(message.header.fields) <= MAX_FIELDS
    left = MAX_HEADER
    for field in message.header.fields[:MAX_FIELDS]:
        size = len(field.name) + len(field.raw)
        complete = complete and size <= min(MAX_FIELD, left)
        if min(size, MAX_FIELD) <= left:  # the size is known before the value is decoded, which takes time
            left -= min(size, MAX_FIELD)
            found.append((field.name[:MAX_FIELD], field.text[:MAX_FIELD]))
    return found, complete


def _utf8(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")


def parsed_content(content: bytes) -> ParsedMessage:
    """
    Parse a message without its envelope.

    Args:
        content: The octets of the message.

    Returns:
        The parsed message, with an empty envelope.
    """
    return ParsedMessage(Received("", (), content, MailOptions(), (), "", None, "", "", "", 0, 0.0))


def rendered_view(message: ParsedMessage, view: View, number: int = 0) -> bytes | None:
    """
    Compute a view of a message.

    Args:
        message: The message.
        view: "detail" for `MessageDetail.serialized`, "html" for the sanitized HTML in UTF-8, "remote" for the
            HTML with `RemoteReferences.serialized`, "content" for `CheckedContent.serialized`, "checksums" for
            `serialized_checksums`, "mailhog" for `mailhog_content`, or "part" for the decoded content of a part.
        number: The number of the part.  The other views ignore it.

    Returns:
        The octets, None if the message has no HTML, or no such part.
    """
    if view == "detail":
        return MessageDetail.of(message).serialized()
    if view == "html":
        return None if message.sanitized_html is None else message.sanitized_html.html.encode("utf-8", "replace")
    if view == "remote":
        references = RemoteReferences()
        sanitized = message.sanitize(references)
        return None if sanitized is None else references.serialized(sanitized.html)
    if view == "content":
        return CheckedContent.of(message).serialized()
    if view == "checksums":
        return serialized_checksums(message.parts)
    if view == "mailhog":
        return mailhog_content(message)
    return next((part.octets for part in message.parts if part.number == number), None)
