"""
``--check``: what would run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from txsmtpx.command.box import OPTIONS
from txsmtpx.command.file import OF_LISTENER, OF_PROCESS
from txsmtpx.command.option import Option
from txsmtpx.command.process import Process
from txsmtpx.command.values import Values


def report(process: Process) -> Iterator[str]:
    """Lines, for whoever asks: each listener, what it was told and by whom, what it offers."""
    for listener in process.listeners:
        settings = listener.factory.settings
        yield f"listener {listener.name}:" if listener.name else "One listener:"
        yield f"  {'LMTP' if settings.lmtp else 'ESMTP'} at {', '.join(listener.ports)} as {settings.domain}"
        yield f"  offers {' '.join(sorted(filter(None, settings.tables.usual.keywords)))}"
        yield from _said(listener.values, OF_LISTENER)
    of_process = [] if process.values is None else list(_said(process.values, OF_PROCESS))
    if of_process:
        yield "process:"
        yield from of_process


def _said(values: Values, about: Collection[str]) -> Iterator[str]:
    for name, option in OPTIONS.items():
        place = values.place(name) if name in about else None
        if place is not None:
            yield f"  {name} = {_shown(option, values[name])} ({place.removesuffix(f': {name}')})"


def _shown(option: Option, value: object) -> str:
    texts = [option.kind.shown(each) for each in (value if isinstance(value, list) else [value])]
    return ", ".join(text.partition(":")[0] if option.secret else text for text in texts)
