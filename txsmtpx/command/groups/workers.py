"""
How many processes share the work.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from txsmtpx.command.group import Group
from txsmtpx.command.option import NUMBER, Option, OptionError
from txsmtpx.command.values import Values

if TYPE_CHECKING:
    from txsmtpx.command.process import Process

OPTIONS = (Option("workers", NUMBER, "Processes that share the ports.", 1),)


def _apply(values: Values, process: Process) -> None:
    process.workers = values["workers"]
    if process.workers < 1:
        raise OptionError("workers", "takes a number from 1 on")
    if process.workers == 1:
        return
    if os.name != "posix":
        raise OptionError("workers", "needs a system where processes can share sockets, as UNIX is")
    for listener in process.listeners:
        if getattr(listener.backend, "one_process", False):
            raise OptionError("workers", "needs a backend that does not keep the mail in one process:", "backend")
    process.reactor.share()


WORKERS = Group("Workers", OPTIONS, for_process=_apply)
