"""The number of processes that share the work."""

from __future__ import annotations

import os
from collections.abc import Iterator

from txsmtpx.command.group import Group
from txsmtpx.command.groups.backend_choice import BACKEND_NAME, TEE, chosen_backend
from txsmtpx.command.groups.relaying import stores_tokens
from txsmtpx.command.option import Values, option_of
from txsmtpx.command.process import Listener, Process
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
        if stores_tokens(listener.chosen_backend) or stores_tokens(listener.copies):
            text = "one process can use the file of tokens of --relay-oauth; leave out --workers, or store in that file"
            raise NUMBER_OF_WORKERS.fault(process.workers, text)
        for part in _in_one_process(listener):
            text = "leave out --workers, or share mail by maildir:PATH, and limits and greylisting by Redis"
            raise NUMBER_OF_WORKERS.fault(
                process.workers, f"{part} keeps its data in the memory of one process; {text}"
            )
    process.reactor.share()


def _in_one_process(listener: Listener) -> Iterator[str]:
    """Iterate over the parts of a listener that keep data in the memory of one process, as an error names them."""
    if provides(listener.chosen_backend, OneProcessBackend) and listener.chosen_backend.one_process:
        web = "" if BACKEND_NAME.name in listener.values.given else " of --web"
        yield f"the backend {chosen_backend(listener.values).text}{web}"
    tee = listener.values[TEE]
    if tee is not None and provides(listener.copies, OneProcessBackend) and listener.copies.one_process:
        yield f"--tee {tee.text}"
    yield from listener.memories


WORKERS = Group(
    "Workers", "The number of processes that share the work.", (NUMBER_OF_WORKERS,), for_process=_apply, always=True
)
