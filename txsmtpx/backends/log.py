"""
C{log}: one line a message; takes everything, keeps nothing.
"""

from __future__ import annotations

from email import policy
from email.parser import BytesHeaderParser
from typing import Any

from twisted.logger import Logger

from txsmtpx.backends.session import OpenBackend, Session

log = Logger()

HEADER = 64 * 1024
"""Octets in which the subject is looked for."""

NAMED = 10
"""Recipients that are named in the line."""


def log_backend() -> OpenBackend:
    """Everybody shares one session, which keeps no state."""
    session = LogSession()
    return OpenBackend(lambda connection: session)


class LogSession(Session):
    """Reads each message to its end, remembers its beginning."""

    async def data(self, message: Any, context: Any) -> None:
        """One line for it."""
        beginning = b""
        async for chunk in message:
            if len(beginning) < HEADER:
                beginning += chunk[: HEADER - len(beginning)]
        recipients = [f"<{each}>" for each in context.recipients[:NAMED]]
        if len(context.recipients) > NAMED:
            recipients.append(f"and {len(context.recipients) - NAMED} more")
        log.info(
            "{queue_id}: from=<{sender}> to={recipients} size={size} subject={subject!r} ({session_id})",
            queue_id=context.queue_id,
            sender=context.sender,
            recipients=",".join(recipients),
            size=message.received,
            subject=subject_of(beginning),
            session_id=context.connection.session_id,
        )


def subject_of(beginning: bytes) -> str:
    """The subject of the message that begins so, decoded (RFC 2047); "" where it has none."""
    header = beginning.partition(b"\r\n\r\n")[0]
    subject = BytesHeaderParser(policy=policy.default).parsebytes(header)["Subject"]
    return str(subject or "")
