"""
A message as the inbox shows it.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import unquote

from txsmtpx.backends.memory import Received
from txsmtpx.content.part import Part, leaves, read
from txsmtpx.inbox.plain_text import plain_text
from txsmtpx.inbox.sanitized_html import MAX_INLINED, Image, SanitizedHtml

BEGINNING = 128 * 1024
"""Octets of a message that are enough to list it, and to find it by its words."""

IMAGES = ("image/png", "image/gif", "image/jpeg", "image/webp", "image/avif", "image/bmp")
"""Types that a browser may be given as what they are: none of them holds a script or a reference."""


class ParsedMessage:
    """
    A message, taken apart.

    Attributes:
        received: The message.
        whole: Whether this is all of it, and not what can be seen at a glance.
        header: Its `txsmtpx.content.header.Header`.
        parts: Those that are not themselves made of parts.

    Args:
        glance: Look at the beginning of a long one only.
    """

    def __init__(self, received: Received, glance: bool = False) -> None:
        self.received = received
        self._glance = glance
        content = received.content[:BEGINNING] if glance else received.content
        message = read(content)
        self.whole = len(content) == len(received.content)
        self.header = message.header
        self.parts: list[Part] = list(leaves(message))

    @cached_property
    def subject(self) -> str:
        return self.header["subject"] or ""

    @cached_property
    def sender(self) -> str:
        """Who wrote it: From, else the address of MAIL."""
        return self.header["from"] or self.received.sender

    @cached_property
    def recipients(self) -> str:
        """To whom: To, else the addresses of RCPT."""
        return self.header["to"] or ", ".join(self.received.recipients)

    @cached_property
    def copies(self) -> list[str]:
        """To whom else: each Cc."""
        return self.header.get_all("cc")

    @property
    def arrived(self) -> str:
        """When it came, as ISO 8601 has it, in UTC."""
        return datetime.fromtimestamp(self.received.arrived, UTC).isoformat(timespec="milliseconds")

    @cached_property
    def text(self) -> str | None:
        """The text to be read, None where there is none."""
        bodies = [part for part in self.parts if part.is_body("plain")]
        return "\n".join(part.text for part in bodies).replace("\r\n", "\n") if bodies else None

    @cached_property
    def html(self) -> str | None:
        """The HTML to be read, as it came and not safe to show; None where there is none."""
        bodies = [part for part in self.parts if part.is_body("html")]
        return "\n".join(part.text for part in bodies) if bodies else None

    @cached_property
    def attachments(self) -> list[Part]:
        """All else."""
        return [part for part in self.parts if not (part.is_body("plain") or part.is_body("html"))]

    @cached_property
    def sanitized_html(self) -> SanitizedHtml | None:
        """The HTML, safe to show.  Its images take 1 MiB and twice the message at most, however often they repeat."""
        inlined = min(1024 * 1024 + 2 * len(self.received.content), MAX_INLINED)
        return None if self.html is None else SanitizedHtml(self.html, self._image, inlined)

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
    def words(self) -> str:
        """The text as it can be read, also where there is HTML only."""
        if self.text is not None or self.html is None:
            return self.text or ""
        return plain_text(self.html, beginning=self._glance)
