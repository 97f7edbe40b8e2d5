"""The parts of a message that a web application reads: header fields, texts and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.content import address
from txsmtpx.content.address import Address
from txsmtpx.content.header import Header
from txsmtpx.content.part import Part, leaves, read


@dataclass(frozen=True)
class MailParts:
    r"""
    A message that was parsed, in linear time (`txsmtpx.content`).

    Attributes:
        header: Its header fields.
        text: Its text; None without one.  Several texts are joined.
        html: Its HTML, as it was received; None without one.
        attachments: The other parts: files and images.

    Example:
        >>> parts = MailParts.of(b"From: Ann <ann@example.org>\r\nSubject: Hello\r\n\r\nHow are you?\r\n")
        >>> parts.field("subject"), parts.addresses("from"), parts.text
        ('Hello', [Address(name='Ann', address='ann@example.org')], 'How are you?\n')
    """

    header: Header
    text: str | None
    html: str | None
    attachments: Sequence[Part]

    @classmethod
    def of(cls, content: bytes) -> MailParts:
        """
        Parse a message.

        Args:
            content: The message.

        Returns:
            Its parts.
        """
        message = read(content)
        texts: dict[str, list[Part]] = {"plain": [], "html": []}
        files: list[Part] = []
        for part in leaves(message):
            kind = next((each for each in texts if part.is_body(each)), None)
            (files if kind is None else texts[kind]).append(part)
        return cls(message.header, _joined(texts["plain"]), _joined(texts["html"]), files)

    def field(self, name: str) -> str:
        """
        Return the text of a header field.

        Args:
            name: The name.

        Returns:
            The text of the first one; ``""`` without one.
        """
        return self.header[name] or ""

    def addresses(self, name: str) -> list[Address]:
        """
        Return the addresses of a header field.

        Args:
            name: The name.

        Returns:
            The addresses of the first one; none without one.
        """
        raw = self.header.raw(name)
        return [] if raw is None else address.parse(raw)


def _joined(parts: Sequence[Part]) -> str | None:
    return "\n".join(each.text for each in parts).replace("\r\n", "\n") if parts else None
