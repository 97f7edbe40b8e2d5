"""
C{log}: one line a message; takes everything, keeps nothing.
"""

from __future__ import annotations

import itertools
from email import policy
from typing import Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from txsmtpx.backends.session import OpenBackend, Session

HEADER = 64 * 1024
"""Octets in which the subject is looked for."""


def log_backend() -> OpenBackend:
    """Everybody shares one session, which keeps no state."""
    session = LogSession()
    return OpenBackend(lambda connection: session)


class LogSession(Session):
    """Reads each message to its end, remembers its beginning."""

    def data(self, message: Any, context: Any) -> Any:
        """Its subject goes into the line that the log has for it."""
        beginning = Beginning()

        def read(result: None) -> None:
            context.note(subject=subject_of(beginning.octets))

        return message.deliver_to(beginning).addCallback(read)


@implementer(IConsumer)
class Beginning:
    """
    Keeps the beginning of a message.

    @ivar octets: it.
    """

    octets = b""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """It comes as fast as it likes."""

    def unregisterProducer(self) -> None:
        """That was all."""

    def write(self, data: bytes) -> None:
        """More of it."""
        if len(self.octets) < HEADER:
            self.octets += data[: HEADER - len(self.octets)]


def subject_of(beginning: bytes) -> str:
    """
    The subject of the message that begins so, decoded (RFC 2047); "" where it has none.

    L{email.parser} would read the whole header for it, which takes longer than the rest of the session.
    """
    lines = beginning.partition(b"\r\n\r\n")[0].split(b"\r\n")
    for number, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        if not colon and line[:1] not in _FOLDED:
            return ""  # the header is over, or was none
        if name.lower().rstrip() == b"subject":
            folded = itertools.takewhile(lambda more: more[:1] in _FOLDED, lines[number + 1 :])
            return _decoded(value + b"".join(folded))
    return ""


_FOLDED = (b" ", b"\t")


def _decoded(value: bytes) -> str:
    text = value.decode("ascii", "surrogateescape").strip()
    return text if text.isascii() and "=?" not in text else str(policy.default.header_factory("Subject", text))
