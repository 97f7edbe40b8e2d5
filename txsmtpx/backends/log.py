"""The backend ``log``: it accepts everything, logs a line for each message, and stores nothing."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IProducer
from zope.interface import implementer

from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.content import field, header
from txsmtpx.content.beginning import Beginning
from txsmtpx.interfaces import DataContext, Message

HEADER = 64 * 1024
"""Octets in which the subject is searched."""

_subject = header.finder(b"subject")


def log_backend() -> OpenBackend:
    """
    Return a backend that logs a line for each message, and discards it.

    Returns:
        The backend.  All clients share one session, which has no state.
    """
    session = LogSession()
    return OpenBackend(lambda connection: session)


class LogSession(Session):
    """A session that reads each message to its end, and logs its subject."""

    def data(self, message: Message, context: DataContext) -> Deferred[None]:
        """
        Handle DATA: read the message, and add its subject to the log.

        Args:
            message: The message.
            context: The envelope.

        Returns:
            A Deferred that fires at the end of the message.
        """
        reader = _Reader(HEADER)

        def read(result: None) -> None:
            context.note(subject=subject_of(bytes(reader.octets)))

        return message.deliver_to(reader).addCallback(read)


@implementer(IConsumer)
class _Reader(Beginning):
    """A consumer that keeps the beginning of a message, and discards the rest."""

    __slots__ = ()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
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
