"""
C{log}: one line a message; takes everything, keeps nothing.
"""

from __future__ import annotations

from email import policy
from email.parser import BytesHeaderParser
from typing import Any

from txsmtpx.backends.session import OpenBackend, Session

HEADER = 64 * 1024
"""Octets in which the subject is looked for."""

def log_backend() -> OpenBackend:
    """Everybody shares one session, which keeps no state."""
    session = LogSession()
    return OpenBackend(lambda connection: session)


class LogSession(Session):
    """Reads each message to its end, remembers its beginning."""

    async def data(self, message: Any, context: Any) -> None:
        """Its subject goes into the line that the log has for it."""
        beginning = b""
        async for chunk in message:
            if len(beginning) < HEADER:
                beginning += chunk[: HEADER - len(beginning)]
        context.note(subject=subject_of(beginning))


def subject_of(beginning: bytes) -> str:
    """The subject of the message that begins so, decoded (RFC 2047); "" where it has none."""
    header = beginning.partition(b"\r\n\r\n")[0]
    subject = BytesHeaderParser(policy=policy.default).parsebytes(header)["Subject"]
    return str(subject or "")
