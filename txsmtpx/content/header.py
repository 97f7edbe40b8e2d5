"""
The header of a message or of a part: its fields in order, read in one pass (RFC 5322 §2.2, §4.5).

A header ends at its first empty line.  Like Postfix, the reader also ends it before the first line that is neither a
field nor the continuation of one: that line begins the body.  White space between a name and its colon is obsolete and
read (RFC 5322 §4.5).  Lines end in CRLF or LF.  The "From " line of a mailbox file before the first field is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from txsmtpx.content.field import Field

MAX_FIELDS = 2000
"""Fields of one header that are kept."""

# A name is any run of octets but controls, blanks and the colon.  "--" begins a delimiter of MIME, not a name.
_VALUE = rb"[^\n]*+(?:\n[ \t][^\n]*+)*+"
_NAME = rb"(?!--)[!-9;-\x7e\x80-\xff]++"
_FIELD = re.compile(rb"(" + _NAME + rb")[ \t]*+:(" + _VALUE + rb")\n?")
_FIELDS = re.compile(rb"(?:" + _NAME + rb"[ \t]*+:" + _VALUE + rb"\n?)*+")
_POSTMARK = re.compile(rb">?From (?![ \t]*:)[^\n]*+\n")
_EMPTY_LINE = re.compile(rb"\r*\n")


class Header:
    """
    The fields of a header.

    It reads like the mapping part of email.message.EmailMessage: header["Subject"] is the text of the first field of
    that name, and None where there is none.  Names are compared in ASCII without regard to case.

    Attributes:
        fields: The fields in the order of the message, at most MAX_FIELDS.
        size: Octets of the header in the message, the empty line at its end included.

    Example:
        >>> header = read(b"Subject: hello\\r\\nTo : b@example.org\\r\\n\\r\\nbody")
        >>> header["subject"], header["to"], header["cc"], header.size
        ('hello', 'b@example.org', None, 38)

    Args:
        fields: The fields.
        size: Octets of the header.
    """

    __slots__ = ("fields", "size")

    def __init__(self, fields: Iterable[Field] = (), size: int = 0) -> None:
        self.fields = tuple(fields)
        self.size = size

    def raw(self, name: str) -> bytes | None:
        """
        Return the octets behind the colon of the first field of a name.

        Args:
            name: The name, in any case.

        Returns:
            The octets as the message has them, or None where there is no such field.
        """
        name = name.lower()
        return next((field.raw for field in self.fields if field.name.lower() == name), None)

    def __getitem__(self, name: str) -> str | None:
        """Return the text of the first field of a name, None where there is none."""
        raw = self.raw(name)
        return None if raw is None else Field(name, raw).text

    def get(self, name: str, default: str | None = None) -> str | None:
        """
        Return the text of the first field of a name.

        Args:
            name: The name, in any case.
            default: What is returned where there is no such field.

        Returns:
            The text, or the default.
        """
        text = self[name]
        return default if text is None else text

    def get_all(self, name: str) -> list[str]:
        """
        Return the texts of all fields of a name.

        Args:
            name: The name, in any case.

        Returns:
            The texts in the order of the message.
        """
        name = name.lower()
        return [field.text for field in self.fields if field.name.lower() == name]

    def keys(self) -> list[str]:
        """Return the names in the order of the message, as often as they stand there."""
        return [field.name for field in self.fields]

    def items(self) -> list[tuple[str, str]]:
        """Return all names and texts in the order of the message."""
        return [(field.name, field.text) for field in self.fields]

    def __contains__(self, name: str) -> bool:
        return self.raw(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.fields)

    def __repr__(self) -> str:
        return f"<Header of {len(self.fields)} fields>"


def read(octets: bytes, start: int = 0, most: int = MAX_FIELDS) -> Header:
    """
    Read a header.

    Args:
        octets: A message, or its beginning.
        start: The index where the header begins.
        most: Fields that are kept.  Those after them are passed over in one match, which takes a tenth of the time.

    Returns:
        The header.  It is empty where no header stands there.
    """
    fields: list[Field] = []
    at = start
    for found in _fields(octets, start):
        if len(fields) >= most:
            others = _FIELDS.match(octets, found.start())
            assert others is not None
            at = others.end()
            break
        # Latin-1, so that no name that is not ASCII is equal to one that is, whatever its case.
        fields.append(Field(found[1].decode("latin-1"), found[2].rstrip(b"\r")))
        at = found.end()
    empty = _EMPTY_LINE.match(octets, at)
    return Header(fields, (at if empty is None else empty.end()) - start)


def finder(name: bytes) -> Callable[[bytes], bytes | None]:
    """
    Return a function that finds the first field of a name in a header, in one match.

    Args:
        name: The name, in any case.

    Returns:
        A function of a message, or its beginning, to the octets behind the colon, None where there is no such field.

    Example:
        >>> finder(b"subject")(b"To: a\\r\\nSubject: hello\\r\\n\\r\\n")
        b' hello'
    """
    named = re.escape(name) + rb"[ \t]*+:"
    others = rb"(?:(?!" + named + rb"|--)[!-9;-\x7e\x80-\xff]++[ \t]*+:" + _VALUE + rb"\n)*+"
    pattern = rb"(?:" + _POSTMARK.pattern + rb")?+" + others + named + rb"(" + _VALUE + rb")"
    field = re.compile(pattern, re.IGNORECASE)

    def find(octets: bytes) -> bytes | None:
        found = field.match(octets)
        return None if found is None else found[1].rstrip(b"\r")

    return find


def count(octets: bytes, name: bytes) -> int:
    """
    Count the fields of a name.

    Args:
        octets: A message, or its beginning.
        name: The name in lower case.

    Returns:
        How many fields of that name the header has, those after the first MAX_FIELDS included.
    """
    return sum(found[1].lower() == name for found in _fields(octets, 0))


def _fields(octets: bytes, start: int) -> Iterator[re.Match[bytes]]:
    """Iterate over the fields of a header: the name and the octets behind the colon of each."""
    found = _FIELD.match(octets, start)
    if found is None and (postmark := _POSTMARK.match(octets, start)) is not None:
        found = _FIELD.match(octets, postmark.end())
    while found is not None:
        yield found
        found = _FIELD.match(octets, found.end())
