"""
Transcripts: every line both ways, for the log, with credentials blacked out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.logger import Logger

log = Logger(__name__)

Transcript = Callable[[str, str, str], None]
"""Takes (session id, "C" or "S", line without its line end)."""

_AUTH = re.compile(rb"(\s*AUTH +\S+ +)\S.*", re.IGNORECASE | re.DOTALL)


def to_log(session_id: str, speaker: str, line: str) -> None:
    """The transcript that C{--transcript} means."""
    log.info("session={session} {speaker}: {line}", session=session_id, speaker=speaker, line=line)


def shown(line: bytes, secret: bool) -> str:
    """A line of the client's as it may be seen: no credentials, no control characters."""
    if secret and line != b"*":
        return "[credentials]"
    return printable(_AUTH.sub(rb"\1[credentials]", line))


def printable(line: bytes) -> str:
    """Any line, without control characters."""
    return line.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
