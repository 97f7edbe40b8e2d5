r"""
Edit the header of a message.  Octets of the fields that are not changed stay as they are, malformed ones included.

Theory of operation.  `HeaderEdit` splits the header once, into the octets before the first field (a "From " line, as in
mailbox files), the fields with their line ends and folds, and the octets behind the last field.  An edit replaces,
inserts or deletes whole fields.  Nothing is parsed and written again.  So a signature over other fields stays valid.
"""

from __future__ import annotations

from txsmtpx.content import header as content_header
from txsmtpx.content.header import MAX_FIELDS

_CRLF = b"\r\n"


class HeaderTooLong(ValueError):
    """The header has more fields, or more octets, than can be edited."""


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
        self._fields: list[tuple[bytes, bytes]] = []  # the name in lower case, and the whole field
        begin = end = None
        for found in content_header.matches(header):
            if begin is None:
                begin = found.start()
            if len(self._fields) == MAX_FIELDS:
                whole = False
                break
            self._fields.append((found[1].lower(), found[0]))
            end = found.end()
        self._whole = whole
        self._before = header[: begin or 0]
        self._behind = header[end or 0 :]

    @property
    def octets(self) -> bytes:
        """The header now."""
        return b"".join([self._before, *(octets for _, octets in self._fields), self._behind])

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
        if not self._fields and not self._behind and self._body_follows:
            # The message has no empty line, so the first line of its body could continue the new field.
            self._behind = _CRLF
        index = min(index, len(self._fields))
        if index and not self._fields[index - 1][1].endswith(b"\n"):  # the message ends within its header
            name, octets = self._fields[index - 1]
            self._fields[index - 1] = name, octets + _CRLF
        self._fields.insert(index, (field.partition(b":")[0].lower(), field))

    def add(self, field: bytes) -> None:
        """
        Add a field behind the last one.

        Args:
            field: The field, with its CRLF.

        Raises:
            HeaderTooLong: The header is too long to find its end.
        """
        self._check_whole()
        self.insert(len(self._fields), field)

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
        places = self._places(name)
        if index > len(places):
            self.add(field)
        else:
            self._fields[places[index - 1]] = field.partition(b":")[0].lower(), field

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
        places = self._places(name)
        chosen = set(places if index is None else places[index - 1 : index])
        self._fields = [each for at, each in enumerate(self._fields) if at not in chosen]

    def _places(self, name: str) -> list[int]:
        key = name.lower().encode("ascii")
        return [at for at, (each, _) in enumerate(self._fields) if each == key]

    def _check_whole(self) -> None:
        if not self._whole:
            raise HeaderTooLong("the header is too long to be edited")
