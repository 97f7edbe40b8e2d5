"""The number of processes that share the work."""

from __future__ import annotations

import os

from txsmtpx.command.group import Group
from txsmtpx.command.option import OptionError, Values, option_of
from txsmtpx.command.process import Process
from txsmtpx.interfaces import OneProcessBackend, provides
from txsmtpx.setting_kinds import Number

NUMBER_OF_WORKERS = option_of(
    Number("workers", 1, "Workers", "Share the ports between N processes.", "processes", least=1), about="process"
)


def _apply(values: Values, process: Process) -> None:
    name, process.workers = NUMBER_OF_WORKERS.name, values[NUMBER_OF_WORKERS]
    if process.workers == 1:
        return
    if os.name != "posix":
        raise OptionError(name, "needs a UNIX system, where processes can share sockets")
    for listener in process.listeners:
        if provides(listener.backend, OneProcessBackend) and listener.backend.one_process:
            raise OptionError(name, "needs a backend that does not keep the mail in one process:", "backend")
    process.reactor.share()


WORKERS = Group(
    "Workers", "The number of processes that share the work.", (NUMBER_OF_WORKERS,), for_process=_apply, always=True
)
