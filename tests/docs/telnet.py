"""A dialog as a page shows it: lines that are typed, and the replies between them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

_REPLY = re.compile(r"[2-5][0-9]{2}[ -]")
_QUEUE_ID = re.compile(r"queued as [0-9A-F]+")


def play(connect: Callable[[], socket.socket], lines: list[str]) -> None:
    """
    Type what is typed, and compare what is answered.

    A line that begins like a reply is one; ``250-...`` stands for any lines of it up to the one shown next.  Behind the
    last reply of the page comes no other.

    Raises:
        AssertionError: The server says something else, or more.
    """
    with connect() as connection, connection.makefile("rb") as replies:
        skipping = False
        for line in lines:
            if not _REPLY.match(line):
                connection.sendall(f"{line}\r\n".encode())
            elif line.endswith("-..."):
                skipping = True
            else:
                said = _next(replies)
                while skipping and not alike(line, said):
                    assert said[3:4] == "-", f"{said!r} came, and never {line!r}"
                    said = _next(replies)
                assert alike(line, said), f"{said!r} came, {line!r} is on the page"
                skipping = False
        if lines and _REPLY.match(lines[-1]):
            _end(connection, replies, ended=lines[-1].startswith(("221", "421")))


def _end(connection: socket.socket, replies: Any, ended: bool) -> None:
    """Nothing more comes: the server has hung up, or does so without another word when we have."""
    if not ended:
        connection.shutdown(socket.SHUT_WR)
    rest = replies.read()
    assert rest == b"", f"{rest!r} is not on the page"


def _next(replies: Any) -> str:
    line: bytes = replies.readline()
    assert line.endswith(b"\r\n"), f"the connection has ended after {line!r}"
    return line[:-2].decode()


def alike(shown: str, said: str) -> bool:
    """Whether what is shown is what was said: queue ids are new each time, and three dots are any text."""
    shown, said = (_QUEUE_ID.sub("queued as ID", each) for each in (shown, said))
    return re.fullmatch(re.escape(shown).replace(re.escape("..."), "(?s:.*)"), said) is not None
