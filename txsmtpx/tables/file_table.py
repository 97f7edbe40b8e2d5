"""
A table of addresses in a file, as virtual(5) and canonical(5) of Postfix have it.

Each line has a key, white space, and the new address.  A key is an address, or ``@`` and a domain.  A line that begins
with white space continues the line before it; empty lines and those that begin with ``#`` are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from txsmtpx.arguments import checked
from txsmtpx.grammar import path
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.middleware.address_map import check_new_address, key_of, mapped

_ENTRY = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^\s"])+)\s+(\S.*)', re.DOTALL)
"""A key, in which a quoted local part may have spaces; and the text behind it."""


class FileTable:
    r"""
    A table of addresses in a file, for `txsmtpx.RewriteBackend`.

    A key without ``@`` and with a dot, such as ``example.org``, declares a domain in Postfix, and is ignored.

    Args:
        path: The path of the file.

    Attributes:
        path: The path of the file.

    Raises:
        TypeError: The path is no string.
        OSError: The file cannot be read.
        ValueError: It is no such table; the text has the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "virtual"
        >>> _ = file.write_text("info@example.org  ann@example.org")
        >>> FileTable(str(file))("Info@example.org")
        'ann@example.org'
    """

    @checked
    def __init__(self, path: str) -> None:
        self.path = path
        self.reload()

    def reload(self) -> None:
        """
        Read the file again.  If it cannot be used, the table keeps what it has.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no such table; the text has the line.
        """
        try:
            text = Path(self.path).read_text("utf-8")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ValueError(f"{self.path}:{line}: this is not UTF-8; save the file in UTF-8") from None
        self._look_up = mapped(dict(self._entries(text)))

    def __call__(self, address: str) -> str | None:
        """
        Return the new address for an address.

        Args:
            address: The address.

        Returns:
            The new address; None if the table has none.
        """
        return self._look_up(address)

    def _entries(self, text: str) -> Iterator[tuple[str, str]]:
        lines: dict[str, int] = {}
        for number, line in _logical_lines(text):
            try:
                entry = _ENTRY.fullmatch(line)
                if entry is None:
                    raise ValueError(f"{line!r} is no entry; write an address, a space, and the new address")
                name, new = entry.groups()
                if "@" not in name and "." in name:
                    continue
                key = _key(name)
                if key in lines:
                    raise ValueError(f"{name} is on line {lines[key]} already; leave one out")
                if re.search(r"[\s,]", new) and '"' not in new:
                    raise ValueError(f"{name} has more than one new address; a rewrite has one")
                check_new_address(name, new)
            except ValueError as error:
                raise ValueError(f"{self.path}:{number}: {error}") from None
            lines[key] = number
            yield name, new


def _key(name: str) -> str:
    """
    Return the form in which a key is compared.

    Returns:
        The form.

    Raises:
        ValueError: It is neither an address nor a domain.
    """
    key = key_of(name)
    try:
        path.format_path("postmaster" if key == "@" else f"postmaster{key}" if key.startswith("@") else key)
    except Malformed as error:
        raise ValueError(f"the key {name!r} is no address ({error})") from None
    return key


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Iterate over the lines with their continuations: the number of the first, and the text."""
    started, parts = 0, list[str]()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        content = line.strip(" \t")
        if not content or content.startswith("#"):
            continue
        if line[0] not in " \t":
            if parts:
                yield started, " ".join(parts)
            started, parts = number, []
        parts.append(content)
    if parts:
        yield started or 1, " ".join(parts)
