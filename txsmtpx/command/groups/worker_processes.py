"""The number of processes that share the work."""

from __future__ import annotations

import os

from txsmtpx.command.group import Group
from txsmtpx.command.groups.backend_choice import BACKEND_NAME, TEE, chosen_name
from txsmtpx.command.option import Values, option_of
from txsmtpx.command.process import Process
from txsmtpx.interfaces import OneProcessBackend, provides
from txsmtpx.setting_kinds import Number

NUMBER_OF_WORKERS = option_of(
    Number("workers", 1, "Workers", "Share the ports between N processes.", "processes", least=1), about="process"
)


def _apply(values: Values, process: Process) -> None:
    process.workers = values[NUMBER_OF_WORKERS]
    if process.workers == 1:
        return
    if os.name != "posix":
        text = "processes share sockets on UNIX systems only; leave this option out"
        raise NUMBER_OF_WORKERS.fault(process.workers, text)
    for listener in process.listeners:
        if provides(listener.backend, OneProcessBackend) and listener.backend.one_process:
            web = " of --web" if BACKEND_NAME.name not in listener.values.given else ""
            backend = f"backend {chosen_name(listener.values)}{web} keeps its data in the memory of one process"
            text = "leave out --workers, or share mail by maildir:PATH, and limits and greylisting by Redis"
            raise NUMBER_OF_WORKERS.fault(process.workers, f"the {backend}; {text}")
        if provides(listener.copies, OneProcessBackend) and listener.copies.one_process:
            text = "keeps the mail in the memory of one process; leave out --workers, or choose another backend"
            raise NUMBER_OF_WORKERS.fault(process.workers, f"--tee {listener.values[TEE]} {text}")
    process.reactor.share()


WORKERS = Group(
    "Workers", "The number of processes that share the work.", (NUMBER_OF_WORKERS,), for_process=_apply, always=True
)
