"""
C{--check}: what would run.
"""

from __future__ import annotations

from collections.abc import Iterator

from txsmtpx.command.box import OPTIONS
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import Option
from txsmtpx.command.process import Process


def report(process: Process) -> Iterator[str]:
    """Lines, for whoever asks: each listener, what it was told and by whom, what it offers."""
    for listener in process.listeners:
        settings = listener.factory.settings
        yield f"listener {listener.name}:" if listener.name else "One listener:"
        yield f"  {'LMTP' if settings.lmtp else 'ESMTP'} at {', '.join(listener.ports)} as {settings.domain}"
        yield f"  offers {' '.join(sorted(filter(None, settings.tables.usual.keywords)))}"
        yield from _said(listener)


def _said(listener: Listener) -> Iterator[str]:
    for name, option in OPTIONS.items():
        place = listener.values.place(name)
        if place is not None and name not in ("check", "config"):
            yield f"  {name} = {_shown(option, listener.values[name])} ({place.removesuffix(f': {name}')})"


def _shown(option: Option, value: object) -> str:
    texts = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return ", ".join(text.partition(":")[0] if option.secret else text for text in texts)
