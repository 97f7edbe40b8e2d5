"""
The header of a message or of a part: its fields in order, read in one pass (RFC 5322 §2.2, §4.5).

A header ends at its first empty line.  As in Postfix, it also ends before the first line that is neither a field nor
the continuation of one; that line begins the body.  White space between a name and its colon is obsolete, and accepted
(RFC 5322 §4.5).  Lines end in CRLF or LF.  A "From " line, as in mailbox files, is skipped before the first field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from txsmtpx.content.field import Field

MAX_FIELDS = 2000
"""Fields of one header that are kept.  More are skipped."""

# A name is any run of octets but controls, blanks and the colon.  "--" begins a delimiter of MIME, not a name.
_VALUE = rb"[^\n]*+(?:\n[ \t][^\n]*+)*+"
_NAME = rb"(?!--)[!-9;-\x7e\x80-\xff]++"
_FIELD = re.compile(rb"(" + _NAME + rb")[ \t]*+:(" + _VALUE + rb")\n?")
_FIELDS = re.compile(rb"(?:" + _NAME + rb"[ \t]*+:" + _VALUE + rb"\n?)*+")
_POSTMARK = re.compile(rb">?From (?![ \t]*:)[^\n]*+\n")
_EMPTY_LINE = re.compile(rb"\r*\n")


class Header:
    r"""
    The fields of a header.  `read` makes it.

    It is a mapping like ``email.message.EmailMessage``.  ``header["Subject"]`` is the text of the first field of that
    name, or None.  Names are compared without regard to the case of ASCII letters.

    Args:
        fields: The fields in the order of the message.
        size: The octets of the header in the message, the empty line at its end included.

    Attributes:
        fields: The fields in the order of the message, at most 2000.
        size: The octets of the header in the message, the empty line at its end included.

    Example:
        >>> header = read(b"Subject: hello\r\nTo : b@example.org\r\n\r\nbody")
        >>> header["subject"], header["to"], header["cc"], header.size
        ('hello', 'b@example.org', None, 38)
    """

    __slots__ = ("fields", "size")

    def __init__(self, fields: Iterable[Field] = (), size: int = 0) -> None:
        self.fields: tuple[Field, ...] = tuple(fields)
        self.size: int = size

    def raw(self, name: str) -> bytes | None:
        """
        Return the octets of the first field of a name.

        Args:
            name: The name, in any case.

        Returns:
            The octets behind the colon, unchanged; None if there is no such field.
        """
        name = name.lower()
        return next((field.raw for field in self.fields if field.name.lower() == name), None)

    def __getitem__(self, name: str) -> str | None:
        """Return the text of the first field of a name; None if there is none."""
        raw = self.raw(name)
        return None if raw is None else Field(name, raw).text

    def get(self, name: str, default: str | None = None) -> str | None:
        """
        Return the text of the first field of a name.

        Args:
            name: The name, in any case.
            default: The result if there is no such field.

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
        """
        Return the names of all fields.

        Returns:
            The names in the order of the message.  A name occurs as often as the message has it.
        """
        return [field.name for field in self.fields]

    def items(self) -> list[tuple[str, str]]:
        """
        Return the names and texts of all fields.

        Returns:
            The name and the text of each field, in the order of the message.
        """
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
    r"""
    Read a header.

    Args:
        octets: A message, or its beginning.
        start: The index where the header begins.
        most: The number of fields that are kept.  Those after them are skipped in one match, which takes a tenth of the
            time.

    Returns:
        The header.  It is empty if there is none at the index.

    Example:
        >>> read(b"Subject: hello\r\n\r\nbody").items()
        [('Subject', 'hello')]
    """
    fields: list[Field] = []
    at = start
    for found in _matches(octets, start):
        if len(fields) >= most:
            others = _FIELDS.match(octets, found.start())
            assert others is not None
            at = others.end()
            break
        # No character of Latin-1 beyond ASCII has a lower case in ASCII.  So such a name equals no name in ASCII.
        fields.append(Field(found[1].decode("latin-1"), found[2].rstrip(b"\r")))
        at = found.end()
    empty = _EMPTY_LINE.match(octets, at)
    return Header(fields, (at if empty is None else empty.end()) - start)


def finder(name: bytes) -> Callable[[bytes], bytes | None]:
    r"""
    Return a function that finds the first field of a name, in one match.

    Args:
        name: The name, in any case.

    Returns:
        A function of a message, or of its beginning.  The function returns the octets behind the colon; None if there
        is no such field.

    Example:
        >>> finder(b"subject")(b"To: a\r\nSubject: hello\r\n\r\n")
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
    r"""
    Count the fields of a name.

    Args:
        octets: A message, or its beginning.
        name: The name in lower case.

    Returns:
        The number of fields of that name, those after the first 2000 fields included.

    Example:
        >>> count(b"Received: a\r\nReceived: b\r\n\r\n", b"received")
        2
    """
    return sum(found[1].lower() == name for found in _matches(octets, 0))


def matches(octets: bytes, start: int = 0) -> Iterator[re.Match[bytes]]:
    r"""
    Return the fields of a header as they stand in the message.

    Args:
        octets: A message, or its beginning.
        start: The index where the header begins.

    Returns:
        An iterator over matches, each of a whole field with its line end.  The groups of a match are the name, and the
        octets behind the colon.

    Example:
        >>> [(found[0], found[1]) for found in matches(b"To : a\r\nCc: b\r\n\r\n")]
        [(b'To : a\r\n', b'To'), (b'Cc: b\r\n', b'Cc')]
    """
    return _matches(octets, start)


def _matches(octets: bytes, start: int) -> Iterator[re.Match[bytes]]:
    found = _FIELD.match(octets, start)
    if found is None and (postmark := _POSTMARK.match(octets, start)) is not None:
        found = _FIELD.match(octets, postmark.end())
    while found is not None:
        yield found
        found = _FIELD.match(octets, found.end())
