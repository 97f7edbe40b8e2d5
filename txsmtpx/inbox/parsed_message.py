"""A message, parsed: the values that the pages, the lists and the API show."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import unquote

from txsmtpx.backends.received import Received
from txsmtpx.content.header import Header
from txsmtpx.content.part import Part, leaves, read
from txsmtpx.inbox.plain_text import plain_text
from txsmtpx.inbox.remote_references import RemoteReferences
from txsmtpx.inbox.sanitized_html import MAX_INLINED, Image, SanitizedHtml

BEGINNING = 128 * 1024
"""Octets of a message that are read for a list or a search."""

IMAGES = ("image/png", "image/gif", "image/jpeg", "image/webp", "image/avif", "image/bmp")
"""Image types that are served under their own type.  None can hold a script or a reference, as SVG can."""


def arrived_text(moment: float) -> str:
    """
    Format a time of arrival.

    Args:
        moment: Seconds since the epoch.

    Returns:
        The time: ISO 8601, UTC, in milliseconds.

    Example:
        >>> arrived_text(1_750_000_000.25)
        '2025-06-15T15:06:40.250+00:00'
    """
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


class ParsedMessage:
    """
    Parse one message.

    The inbox creates one for each list entry and each message that is opened.  All values are computed when they are
    first read.

    Attributes:
        received: The message.
        whole: False if only the beginning of the message was read.
        header: The header of the message.
        root: The message as a part that contains the others.
        parts: The parts that have no parts of their own.

    Args:
        received: The message.
        beginning_only: Read only the first octets, see `BEGINNING`.
    """

    def __init__(self, received: Received, beginning_only: bool = False) -> None:
        self.received = received
        self._beginning_only = beginning_only
        content = received.content[:BEGINNING] if beginning_only else received.content
        self.root: Part = read(content)
        self.whole: bool = len(content) == len(received.content)
        self.header: Header = self.root.header
        self.parts: list[Part] = list(leaves(self.root))

    @cached_property
    def subject(self) -> str:
        """The Subject field, "" if there is none."""
        return self.header["subject"] or ""

    @cached_property
    def sender(self) -> str:
        """The From field.  If there is none, the address of MAIL."""
        return self.header["from"] or self.received.sender

    @cached_property
    def recipients(self) -> str:
        """The To field.  If there is none, the addresses of RCPT."""
        return self.header["to"] or ", ".join(self.received.recipients)

    @cached_property
    def copies(self) -> list[str]:
        """The Cc fields."""
        return self.header.get_all("cc")

    @cached_property
    def text(self) -> str | None:
        """The body in plain text, None if the message has none."""
        bodies = [part for part in self.parts if part.is_body("plain")]
        return "\n".join(part.text for part in bodies).replace("\r\n", "\n") if bodies else None

    @cached_property
    def html(self) -> str | None:
        """The body in HTML as it was received, None if the message has none.  It is not safe to display."""
        bodies = [part for part in self.parts if part.is_body("html")]
        return "\n".join(part.text for part in bodies) if bodies else None

    @cached_property
    def attachments(self) -> list[Part]:
        """The parts that are not a body."""
        return [part for part in self.parts if not (part.is_body("plain") or part.is_body("html"))]

    @cached_property
    def sanitized_html(self) -> SanitizedHtml | None:
        """The body in HTML, safe to display, None if the message has none."""
        return self.sanitize(None)

    def sanitize(self, references: RemoteReferences | None) -> SanitizedHtml | None:
        """
        Sanitize the body in HTML.

        Its images take up to 1 MiB plus twice the size of the message, even if the HTML shows one image many times.

        Args:
            references: It collects the images and styles of other hosts; None to drop them.

        Returns:
            The HTML, None if the message has none.
        """
        inlined = min(1024 * 1024 + 2 * len(self.received.content), MAX_INLINED)
        return None if self.html is None else SanitizedHtml(self.html, self._image, inlined, references)

    @property
    def _image(self) -> Image:
        images = {part.content_id: part for part in self.parts if part.content_id and part.content_type in IMAGES}
        urls: dict[str, str] = {}

        def url(content_id: str) -> str | None:
            name = unquote(content_id).strip("<> ")
            if name in images and name not in urls:
                octets = base64.b64encode(images[name].octets).decode("ascii")
                urls[name] = f"data:{images[name].content_type};base64,{octets}"
            return urls.get(name)

        return url

    @cached_property
    def readable_text(self) -> str:
        """The body in plain text.  If the message has none, the text of its HTML; if it has neither, ""."""
        if self.text is not None or self.html is None:
            return self.text or ""
        return plain_text(self.html, beginning=self._beginning_only)
