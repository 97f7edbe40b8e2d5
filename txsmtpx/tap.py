"""
``twistd smtpx``: the door through which twistd comes in; `txsmtpx.command` is behind it.
"""

from __future__ import annotations

from txsmtpx.command.parent import ParentService
from txsmtpx.command.service import CommandService, SMTPXService
from txsmtpx.command.usage import Options

__all__ = ["Options", "SMTPXService", "makeService"]


def makeService(options: Options) -> CommandService:
    """The service that ``options`` describe."""
    if options.process.workers > 1 and not options.is_worker:
        return ParentService(options)
    return SMTPXService(options.process, options.parent)
