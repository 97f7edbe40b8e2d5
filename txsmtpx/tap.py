"""
C{twistd smtpx}: the door through which twistd comes in; L{txsmtpx.command} is behind it.
"""

from __future__ import annotations

from txsmtpx.command.service import SMTPXService
from txsmtpx.command.usage import Options

__all__ = ["Options", "SMTPXService", "makeService"]


def makeService(options: Options) -> SMTPXService:
    """The service that C{options} describe."""
    return SMTPXService(options.process)
