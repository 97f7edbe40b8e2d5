"""
The commands of clamd, and its answers (clamd(8)), without a transport.

A message is sent by ``zINSTREAM``: chunks, each behind its length in 4 octets of network order, and a chunk of length
0.  The answer ends with NUL, as does each command that begins with "z".
"""

from __future__ import annotations

import re
import struct

from txsmtpx.interfaces import FilterFailed

INSTREAM = b"zINSTREAM\0"
"""The command before a message."""

VERSION = b"zVERSION\0"
"""The command that asks for the version."""

END = struct.pack("!I", 0)
"""The end of a message: a chunk without octets."""

MAX_ANSWER = 4096
"""Octets of an answer.  If there are more, the connection is aborted.  The name of a virus has at most a few dozen."""

_FOUND = re.compile(r"stream: (.+) FOUND")
_TOO_LARGE = "INSTREAM size limit exceeded"


class ClamdError(FilterFailed):
    """clamd gave no answer, or answered with an error, or not by its protocol."""


class StreamTooLarge(ClamdError):
    """The message has more octets than clamd accepts (StreamMaxLength of clamd.conf)."""


def framed(octets: bytes) -> bytes:
    r"""
    Frame octets of a message.

    Args:
        octets: The octets.

    Returns:
        A chunk with its length; no octets for none, since a chunk without octets would be the end.

    Example:
        >>> framed(b"Hello")
        b'\x00\x00\x00\x05Hello'
    """
    return struct.pack("!I", len(octets)) + octets if octets else b""


def virus_in(answer: str) -> str:
    """
    Parse the answer to a message.

    Args:
        answer: The answer, without NUL.

    Returns:
        The name of the virus; ``""`` if there is none.

    Raises:
        StreamTooLarge: The message is too large.
        ClamdError: The answer is another error, or none of clamd.

    Example:
        >>> virus_in("stream: Eicar-Test-Signature FOUND"), virus_in("stream: OK")
        ('Eicar-Test-Signature', '')
    """
    if answer == "stream: OK":
        return ""
    found = _FOUND.fullmatch(answer)
    if found is not None:
        return found[1]
    if answer.startswith(_TOO_LARGE):
        raise StreamTooLarge("the message has more octets than StreamMaxLength of clamd allows")
    if answer.endswith("ERROR"):
        raise ClamdError(f"clamd answers with an error: {answer[:80]}")
    raise ClamdError(f"not an answer of clamd: {answer[:80]!r}")


def text_of(answer: bytes) -> str:
    r"""
    Return an answer as text.

    Args:
        answer: What clamd has sent.  The answer ends with NUL.

    Returns:
        The answer.

    Raises:
        ClamdError: It has no NUL, or more than `MAX_ANSWER` octets.

    Example:
        >>> text_of(b"stream: OK\0")
        'stream: OK'
    """
    text, ended, _ = answer.partition(b"\0")
    if len(text) > MAX_ANSWER:
        raise ClamdError(f"the answer of clamd has more than {MAX_ANSWER} octets: {text[:80]!r}")
    if not ended:
        raise ClamdError(f"the answer of clamd has no end: {text[:80]!r}")
    return text.decode("utf-8", "replace").strip("\r\n ")
