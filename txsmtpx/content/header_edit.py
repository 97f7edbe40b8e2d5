r"""
Edit the header of a message.  Octets of the fields that are not changed stay as they are, malformed ones included.

Theory of operation.  `HeaderEdit` splits the header once, into the octets before the first field (a "From " line, as in
mailbox files), the fields with their line ends and folds, and the octets behind the last field.  An edit replaces,
inserts or deletes whole fields.  Nothing is parsed and written again.  So a signature over other fields stays valid.

A sender can write thousands of fields that a filter deletes one by one.  So fields are found by their name, and one
that is deleted keeps its place, without octets.
"""

from __future__ import annotations

from txsmtpx.content import header as content_header
from txsmtpx.content.header import MAX_FIELDS

_CRLF = b"\r\n"


class HeaderTooLong(ValueError):
    """The header has more fields, or more octets, than can be edited."""


class _Field:
    """
    A field of a header that is edited.

    Args:
        name: The name in lower case.
        octets: The whole field; none if it has been deleted.
    """

    __slots__ = ("name", "octets")

    def __init__(self, name: bytes, octets: bytes) -> None:
        self.name = name
        self.octets = octets


class HeaderEdit:
    r"""
    The header of one message, while it is edited.

    Each edit sees the result of those before it.  Names are compared without regard to the case of ASCII letters.

    Args:
        header: The octets of the message up to its body, the empty line included.
        body_follows: True if the message has a body.
        whole: False if the message has more header than ``header``.  Then fields can only be put first.

    Example:
        >>> edit = HeaderEdit(b"Subject: hello\r\nX-Spam: no\r\n\r\n")
        >>> edit.delete("x-spam")
        >>> edit.add(b"X-Spam: yes\r\n")
        >>> edit.octets
        b'Subject: hello\r\nX-Spam: yes\r\n\r\n'
    """

    def __init__(self, header: bytes, *, body_follows: bool = True, whole: bool = True) -> None:
        self._body_follows = body_follows
        self._fields: list[_Field] = []  # in their order, with those that have been deleted
        self._named: dict[bytes, list[_Field]] = {}  # by the name in lower case, without those
        self._count = 0
        begin = end = None
        for found in content_header.matches(header):
            if begin is None:
                begin = found.start()
            if self._count == MAX_FIELDS:
                whole = False
                break
            self._put(_Field(found[1].lower(), found[0]))
            end = found.end()
        self._unended = bool(self._fields) and not self._fields[-1].octets.endswith(b"\n")  # the message ends there
        self._whole = whole
        self._before = header[: begin or 0]
        self._behind = header[end or 0 :]

    @property
    def octets(self) -> bytes:
        """The header now."""
        return b"".join([self._before, *(each.octets for each in self._fields), self._behind])

    def insert(self, index: int, field: bytes) -> None:
        """
        Insert a field.

        Args:
            index: The number of fields before it.  If the header has fewer, it becomes the last.
            field: The field, with its CRLF.

        Raises:
            HeaderTooLong: The header is too long to find the place.
        """
        if index:
            self._check_whole()
        if not self._count and not self._behind and self._body_follows:
            # The message has no empty line, so the first line of its body could continue the new field.
            self._behind = _CRLF
        if self._unended and index >= self._count:
            self._fields[-1].octets += _CRLF
            self._unended = False
        self._put(_Field(field.partition(b":")[0].lower(), field), index)

    def add(self, field: bytes) -> None:
        """
        Add a field behind the last one.

        Args:
            field: The field, with its CRLF.

        Raises:
            HeaderTooLong: The header is too long to find its end.
        """
        self._check_whole()
        self.insert(self._count, field)

    def replace(self, name: str, index: int, field: bytes) -> None:
        """
        Replace a field; add the new one if there is no such field.

        Args:
            name: The name of the field.
            index: The position among the fields of that name, from 1.
            field: The new field, with its CRLF.

        Raises:
            HeaderTooLong: The header is too long to find the field.
        """
        self._check_whole()
        named = self._named.get(_key(name), [])
        if index > len(named):
            self.add(field)
            return
        old = named[index - 1]
        if self._unended and old is self._fields[-1]:
            self._unended = False
        old.octets = field
        key = field.partition(b":")[0].lower()
        if key != old.name:
            del named[index - 1]
            before = self._fields[: self._fields.index(old)]
            old.name = key
            self._named.setdefault(key, []).insert(_number(before, key), old)

    def delete(self, name: str, index: int | None = None) -> None:
        """
        Delete a field, or all fields of a name.

        Args:
            name: The name of the fields.
            index: The position among the fields of that name, from 1.  None: all.

        Raises:
            HeaderTooLong: The header is too long to find all fields of that name.
        """
        self._check_whole()
        named = self._named.get(_key(name), [])
        chosen = slice(None) if index is None else slice(index - 1, index)
        for each in named[chosen]:
            if self._unended and each is self._fields[-1]:
                self._unended = False
            each.octets = b""
            self._count -= 1
        del named[chosen]

    def _put(self, field: _Field, index: int | None = None) -> None:
        """Put a field behind so many others; None: behind all."""
        named = self._named.setdefault(field.name, [])
        if index is None or index >= self._count:
            self._fields.append(field)
            named.append(field)
        elif index == 0:
            self._fields.insert(0, field)
            named.insert(0, field)
        else:
            self._fields = [each for each in self._fields if each.octets]
            named.insert(_number(self._fields[:index], field.name), field)
            self._fields.insert(index, field)
        self._count += 1

    def _check_whole(self) -> None:
        if not self._whole:
            raise HeaderTooLong("the header is too long to be edited")


def _key(name: str) -> bytes:
    return name.lower().encode("ascii")


def _number(fields: list[_Field], name: bytes) -> int:
    return sum(each.name == name and each.octets != b"" for each in fields)
