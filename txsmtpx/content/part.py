"""
The parts of a message as slices of its octets (RFC 2045, RFC 2046).

Theory of operation.  One pass finds the delimiters of all open multiparts.  Each line that begins with "--" is looked
up in a table of the open boundaries, so the cost does not grow with the depth.  No octets are copied until those of a
part are requested.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from txsmtpx.content import header, parameter, transfer_encoding
from txsmtpx.content.charset import text_of
from txsmtpx.content.header import Header

MAX_PARTS = 1000
"""Parts of a message.  The octets behind the last one belong to it."""

MAX_FIELDS = 10_000
"""Header fields that are kept of all parts together.  A part behind the limit is read as text/plain."""

MAX_DEPTH = 100
"""Multiparts within each other.  Deeper ones are not parsed.  Postfix has the same limit (mime_nesting_limit)."""

MAX_BOUNDARY = 200
"""Characters of a boundary.  RFC 2046 §5.1.1 allows 70.  A longer boundary is ignored."""

MAX_LINE = 1000
"""Octets of a line that may be a delimiter, with a boundary in UTF-8 and white space."""

MAX_NAME = 120
"""Characters of a file name that `safe_name` returns."""

_TYPE = re.compile(r"([A-Za-z0-9!#$&^_.+-]{1,64})/([A-Za-z0-9!#$&^_.+-]{1,64})(?![/\w])", re.ASCII)
_DISPOSITION = re.compile(r"[A-Za-z-]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode


@dataclass
class Part:
    r"""
    A message or a part of one.  `read` makes it.

    Attributes:
        source: The octets of the whole message.
        header: The header of the part.
        start: The index in the source where the body begins.
        end: The index in the source behind the body.
        default_type: The type if the header has no Content-Type: text/plain, or message/rfc822 within a digest.
        parts: The parts of a multipart in the order of the message; empty for any other type.
        number: The position among the parts that have no parts, from 1; 0 for a multipart.

    Example:
        >>> message = read(b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\xc3\xbc\xc3\x9fe")
        >>> message.content_type, message.text
        ('text/html', '<p>Grüße')
    """

    source: bytes
    header: Header
    start: int
    end: int
    default_type: str = "text/plain"
    parts: list[Part] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.parameters: Mapping[str, str]
        self._type, self.parameters = self._read_type()
        raw = self.header.raw("content-disposition")
        self._disposition, self._disposition_parameters = ("", {}) if raw is None else parameter.parse(raw)

    def _read_type(self) -> tuple[str, Mapping[str, str]]:
        raw = self.header.raw("content-type")
        if raw is None:
            return self.default_type, {}
        value, parameters = parameter.parse(raw)
        found = _TYPE.match(value)
        # A malformed type is read as plain text, as RFC 2045 §5.2 suggests, so that a reader sees the text.
        return (found.group().lower() if found else "text/plain"), parameters

    @property
    def declared_type(self) -> str:
        """The type that the header declares, in lower case."""
        return self._type

    @property
    def content_type(self) -> str:
        """The type in lower case.  A multipart in which no part was found is text/plain."""
        return "text/plain" if self._type.startswith("multipart/") and not self.parts else self._type

    @property
    def boundary(self) -> str:
        """The boundary of a multipart; "" if it has none, or a boundary that is too long."""
        if not self._type.startswith("multipart/"):
            return ""
        found = self.parameters.get("boundary", "").rstrip()
        return found if len(found) <= MAX_BOUNDARY else ""

    @property
    def disposition(self) -> str:
        """The disposition: "inline" or "attachment", "" if the header has none (RFC 2183 §2.8)."""
        found = _DISPOSITION.match(self._disposition)
        if found is None:
            return "attachment" if self._disposition else ""
        return "inline" if found.group().lower() == "inline" else "attachment"

    @property
    def filename(self) -> str:
        """The file name that the header suggests, as `safe_name` returns it; "" if there is none."""
        return safe_name(self._disposition_parameters.get("filename") or self.parameters.get("name") or "")

    @property
    def download_name(self) -> str:
        """The file name, or one that is made of the number and the type."""
        return self.filename or f"part-{self.number}{mimetypes.guess_extension(self.content_type) or '.bin'}"

    @property
    def content_id(self) -> str:
        """The Content-ID, which cid: URLs refer to; "" if there is none (RFC 2392)."""
        return (self.header["content-id"] or "").strip("<> ")

    @property
    def encoding(self) -> str:
        """The transfer encoding in lower case; "" if the header has none."""
        return transfer_encoding.name(self.header.raw("content-transfer-encoding") or b"")

    @property
    def body(self) -> bytes:
        """The octets of the body, unchanged."""
        return self.source[self.start : self.end]

    @property
    def octets(self) -> bytes:
        """The octets of the body, with the transfer encoding decoded."""
        return transfer_encoding.decode(self.body, self.encoding)

    @property
    def text(self) -> str:
        """The body as text, decoded by its charset."""
        return text_of(self.octets, self.parameters.get("charset"))

    def is_body(self, subtype: str) -> bool:
        """
        Tell whether the part is text to read within the message, and not a file.

        Args:
            subtype: The subtype of text, such as "plain".

        Returns:
            True if the part is such a text of this subtype.
        """
        return self.content_type == f"text/{subtype}" and self.disposition != "attachment" and not self.filename


def read(content: bytes) -> Part:
    r"""
    Parse a message into its parts.

    Args:
        content: The octets of the message.

    Returns:
        The message as a part that contains the others.

    Example:
        >>> [part.octets for part in leaves(read(b"Subject: x\r\n\r\nhello"))]
        [b'hello']
    """
    return _Reader(content).root


def leaves(part: Part) -> Iterator[Part]:
    """
    Iterate over the parts that have no parts.

    Args:
        part: A message or a part.

    Yields:
        The parts in the order of the message.

    Example:
        >>> [part.number for part in leaves(read(b"hello"))]
        [1]
    """
    pending = [part]
    while pending:
        part = pending.pop()
        if part.parts:
            pending += reversed(part.parts)
        else:
            yield part


class _Reader:
    """
    Reads one message from its beginning to its end.

    The stack holds the open multiparts, the outermost first.  The table holds the positions in the stack by boundary;
    the last position of a boundary is the innermost multipart that uses it.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._stack: list[Part] = []
        self._table: dict[bytes, list[int]] = {}
        self._boundaries: list[bytes] = []
        self._count = 0
        self._fields = MAX_FIELDS  # the number that may still be kept
        self._open: Part | None = None  # the part whose end has not been found
        self._at = 0
        self.root = self._part(0)
        self._scan()
        for number, leaf in enumerate(leaves(self.root), 1):
            leaf.number = number

    def _scan(self) -> None:
        while self._stack and self._count <= MAX_PARTS:
            found = self._content.find(b"\n--", max(self._at - 1, 0))
            if found < 0:
                break
            line_end = self._content.find(b"\n", found + 1)
            if line_end < 0:
                line_end = len(self._content)
            self._at = line_end + 1
            if line_end - found <= MAX_LINE:
                self._delimiter(found, self._content[found + 3 : line_end].rstrip(b" \t\r"))

    def _delimiter(self, at: int, line: bytes) -> None:
        """Begin or end a part if a line that begins with "--" is the delimiter of an open multipart."""
        positions = self._table.get(line)
        closes = not positions and line.endswith(b"--")
        if closes:
            positions = self._table.get(line[:-2])
        if not positions:
            return
        # RFC 2046 §5.1.1: the line end before a delimiter is part of the delimiter.
        end = at - 1 if self._content[at - 1 : at] == b"\r" and at > 0 else at
        # RFC 2046 §5.1.2: a delimiter of an outer multipart ends the inner ones too.
        position = positions[-1]
        self._close(position + 1, end)
        if closes:
            self._close(position, end)
            return
        multipart = self._stack[position]
        digest = multipart.declared_type == "multipart/digest"
        multipart.parts.append(self._part(self._at, "message/rfc822" if digest else "text/plain"))

    def _close(self, position: int, end: int) -> None:
        """End the open part, and the multiparts from a position of the stack on."""
        if self._open is not None:
            self._open.end = max(self._open.start, end)
            self._open = None
        while len(self._stack) > position:
            self._stack.pop().end = end
            boundary = self._boundaries.pop()
            self._table[boundary].pop()

    def _part(self, at: int, default_type: str = "text/plain") -> Part:
        """Return the part whose header begins at an index, and open it."""
        found = header.read(self._content, at, min(header.MAX_FIELDS, self._fields))
        self._fields -= len(found)
        start = min(at + found.size, len(self._content))
        part = Part(self._content, found, start, len(self._content), default_type)
        self._count += 1
        self._at = start
        boundary = part.boundary.encode("utf-8", "replace")
        if boundary and len(self._stack) < MAX_DEPTH:
            self._table.setdefault(boundary, []).append(len(self._stack))
            self._stack.append(part)
            self._boundaries.append(boundary)
        else:
            self._open = part
        return part


def safe_name(name: str) -> str:
    """
    Return a file name that is safe to use and to show.

    Args:
        name: Any text.

    Returns:
        The name without directories, and without characters that are invisible or change the direction of the text; at
        most 120 characters.  "" if nothing is left.

    Example:
        >>> safe_name("../../etc/passwd")
        'passwd'
    """
    name = re.split(r"[/\\]", name[-10 * MAX_NAME :])[-1]
    name = _CONTROLS.sub(" ", name)
    name = "".join(letter for letter in name if unicodedata.category(letter) not in _HIDDEN).strip()
    if len(name) > MAX_NAME:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem[: MAX_NAME - 20]}{dot}{suffix[:19]}" if stem else name[:MAX_NAME]
    return "" if name.strip(". ") == "" else name
