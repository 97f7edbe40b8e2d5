"""The changes that a filter makes to the content of a message: its header fields and its body."""

from __future__ import annotations

from dataclasses import dataclass

from txsmtpx.content import field
from txsmtpx.setting import shown


class _Field:
    """A field to write."""

    name: str
    value: str | bytes

    @property
    def encoded(self) -> bytes:
        """The field, with its CRLF."""
        return field.octets_of(self.name, self.value)


@dataclass(frozen=True)
class AddHeader(_Field):
    r"""
    Add a field behind the last field of the header.

    Args:
        name: The name of the field, in ASCII.
        value: A `str` is encoded by `txsmtpx.content.field.encode`.  `bytes` are the octets between the colon and the
            line end, unchanged.  They begin with the space, if there is to be one, and are folded by CRLF and a blank.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The name is not that of a field, or the value would begin another line.

    Example:
        >>> AddHeader("X-Spam-Flag", "YES").encoded
        b'X-Spam-Flag: YES\r\n'
    """

    name: str
    value: str | bytes

    def __post_init__(self) -> None:
        _check_field(self, self.name, self.value)


@dataclass(frozen=True)
class InsertHeader(_Field):
    r"""
    Insert a field at a place.

    Args:
        index: The number of fields before the new field.  0 is the first place.  If the header has fewer fields, the
            new field becomes the last.
        name: The name of the field, in ASCII.
        value: As in `AddHeader`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is negative, the name is not that of a field, or the value would begin another line.

    Example:
        >>> InsertHeader(0, "X-Spam-Flag", b" YES").encoded
        b'X-Spam-Flag: YES\r\n'
    """

    index: int
    name: str
    value: str | bytes

    def __post_init__(self) -> None:
        _check_index(self, self.index, 0)
        _check_field(self, self.name, self.value)


@dataclass(frozen=True)
class ReplaceHeader(_Field):
    r"""
    Replace a field.  If the message has no such field, the new field becomes the last.

    Args:
        name: The name of the field, in ASCII, in any case.
        value: As in `AddHeader`.
        index: The position among the fields of that name, from 1.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is below 1, the name is not that of a field, or the value would begin another line.

    Example:
        >>> ReplaceHeader("Subject", "[spam] Hello").encoded
        b'Subject: [spam] Hello\r\n'
    """

    name: str
    value: str | bytes
    index: int = 1

    def __post_init__(self) -> None:
        _check_field(self, self.name, self.value)
        _check_index(self, self.index, 1)


@dataclass(frozen=True)
class DeleteHeader:
    """
    Delete a field, or all fields of a name.  Without such a field, nothing is changed.

    Args:
        name: The name of the fields, in ASCII, in any case.
        index: The position among the fields of that name, from 1.  None: all.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The index is below 1, or the name is not that of a field.

    Example:
        >>> DeleteHeader("Authentication-Results")
        DeleteHeader(name='Authentication-Results', index=None)
    """

    name: str
    index: int | None = None

    def __post_init__(self) -> None:
        _check_field(self, self.name, b"")
        if self.index is not None:
            _check_index(self, self.index, 1)


@dataclass(frozen=True)
class ReplaceBody:
    r"""
    Replace everything behind the header and its empty line.

    Args:
        body: The octets of the new body.  Its lines end in CRLF.

    Raises:
        TypeError: The body is not `bytes`.

    Example:
        >>> ReplaceBody(b"The attachment was removed.\r\n")
        ReplaceBody(body=b'The attachment was removed.\r\n')
    """

    body: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.body, bytes):
            raise TypeError(f"ReplaceBody: body must be bytes, not {shown(self.body)}")


def _check_field(change: object, name: object, value: object) -> None:
    """
    Check the name and the value of a field.

    Raises:
        TypeError: One has the wrong type.
        ValueError: One cannot be written.
    """
    kind = type(change).__name__
    if not isinstance(name, str):
        raise TypeError(f"{kind}: name must be a str, not {shown(name)}")
    if not isinstance(value, str | bytes):
        raise TypeError(f"{kind}: value must be a str or bytes, not {shown(value)}")
    try:
        field.octets_of(name, value)
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from None


def _check_index(change: object, index: object, least: int) -> None:
    """
    Check an index.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is too small.
    """
    if not isinstance(index, int) or isinstance(index, bool):
        raise TypeError(f"{type(change).__name__}: index must be an integer, not {shown(index)}")
    if index < least:
        raise ValueError(f"{type(change).__name__}: index must be {least} or more, not {index}")
