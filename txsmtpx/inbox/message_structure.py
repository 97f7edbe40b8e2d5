"""The tree of the parts of a message, as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from txsmtpx.content.part import Part

MAX_LABEL = 200
"""Characters of a charset or a transfer encoding."""


@dataclass(frozen=True)
class StructurePart:
    """
    Describe one part of the tree.

    Attributes:
        depth: The number of multiparts around it.
        number: The number of the part, see `PartDetail`; 0 for a multipart.
        content_type: The media type that the header declares.
        charset: The charset that the header declares, "" if there is none.
        encoding: The transfer encoding, "" if the header has none.
        size: The octets of the body as it was received, before its transfer encoding is decoded.
    """

    depth: int
    number: int
    content_type: str
    charset: str
    encoding: str
    size: int

    @classmethod
    def of(cls, message: Part) -> Sequence[StructurePart]:
        """
        List the tree of a message.

        Args:
            message: The message.

        Returns:
            The parts in the order of the message, each behind the multipart that it belongs to.
        """
        found = []
        pending = [(0, message)]
        while pending:
            depth, part = pending.pop()
            pending += [(depth + 1, each) for each in reversed(part.parts)]
            charset = part.parameters.get("charset", "") if not part.parts else ""
            found.append(
                cls(
                    depth,
                    part.number,
                    part.content_type[:MAX_LABEL],
                    charset[:MAX_LABEL],
                    part.encoding[:MAX_LABEL],
                    part.end - part.start,
                )
            )
        return found
