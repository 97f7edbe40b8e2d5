"""``twistd smtpx``: the module that twistd imports.  Everything else is in `txsmtpx.command`."""

from __future__ import annotations

from txsmtpx.command.command_service import CommandService, SMTPXService
from txsmtpx.command.parent import ParentService
from txsmtpx.command.usage import Options

__all__ = ["Options", "SMTPXService", "makeService"]


def makeService(options: Options) -> CommandService:
    """
    Create the service that options describe.

    Args:
        options: The options, parsed.

    Returns:
        The service.
    """
    if options.process.workers > 1 and not options.is_worker:
        return ParentService(options)
    return SMTPXService(options.process, options.parent)
