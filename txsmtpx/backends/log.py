"""
``log``: one line a message; takes everything, keeps nothing.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.content import field, header
from txsmtpx.content.beginning import Beginning

HEADER = 64 * 1024
"""Octets in which the subject is looked for."""

_subject = header.finder(b"subject")


def log_backend() -> OpenBackend:
    """Everybody shares one session, which keeps no state."""
    session = LogSession()
    return OpenBackend(lambda connection: session)


class LogSession(Session):
    """Reads each message to its end, remembers its beginning."""

    def data(self, message: Any, context: Any) -> Any:
        """Its subject goes into the line that the log has for it."""
        reader = _Reader(HEADER)

        def read(result: None) -> None:
            context.note(subject=subject_of(bytes(reader.octets)))

        return message.deliver_to(reader).addCallback(read)


@implementer(IConsumer)
class _Reader(Beginning):
    """Keeps the beginning of a message, and lets the rest go by as fast as it comes."""

    __slots__ = ()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        if not self.complete:
            self.add(data[:HEADER])


def subject_of(beginning: bytes) -> str:
    """
    Return the subject of a message, decoded (RFC 2047).

    Args:
        beginning: The beginning of the message.

    Returns:
        The subject, "" where the header has none.
    """
    raw = _subject(beginning)
    return "" if raw is None else field.value_text(raw)
