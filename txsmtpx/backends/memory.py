"""
C{memory}: keeps what it is given, for tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from twisted.logger import Logger

from txsmtpx.backends.session import OpenBackend, Session
from txsmtpx.grammar.options import MailOptions, RcptOptions

log = Logger()


@dataclass(frozen=True)
class Received:
    """
    One message, as it came.

    @ivar content: its octets.
    @ivar username: who had logged in, None for nobody.
    """

    sender: str
    recipients: Sequence[str]
    content: bytes
    options: MailOptions
    recipient_options: Sequence[RcptOptions]
    queue_id: str
    username: str | None

    @classmethod
    def of(cls, context: Any, content: bytes) -> Received:
        """C{content} with the envelope that C{context}, an L{txsmtpx.IDataContext}, has for it."""
        return cls(
            context.sender,
            context.recipients,
            content,
            context.options,
            context.recipient_options,
            context.queue_id,
            context.connection.username,
        )

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return BytesParser(policy=policy.SMTP).parsebytes(self.content)


class MemoryBackend(OpenBackend):
    """
    Takes everything and keeps it.

    @ivar messages: a L{Received} each, in the order they were complete.
    """

    def __init__(self) -> None:
        self.messages: list[Received] = []
        session = _MemorySession(self.messages)
        super().__init__(lambda connection: session)


class _MemorySession(Session):
    def __init__(self, messages: list[Received]) -> None:
        self._messages = messages

    async def data(self, message: Any, context: Any) -> None:
        self._messages.append(Received.of(context, await message.content()))
        log.info(
            "{queue_id}: from=<{sender}> size={size} kept in memory ({session_id})",
            queue_id=context.queue_id,
            sender=context.sender,
            size=message.received,
            session_id=context.connection.session_id,
        )
