"""
A web inbox for what the memory backend keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.command.group import Group
from txsmtpx.command.option import Kind, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.domain import domain_key

if TYPE_CHECKING:
    from txsmtpx.command.process import Process


def _description(text: str) -> str:
    """A number is a port of the loopback interface, for whoever reaches the inbox reads the mail in it."""
    return f"tcp:{text}:interface=127.0.0.1" if asciitext.is_number(text) else text


OPTIONS = (
    Option("web", Kind("ENDPOINT", (str, int), _description), "Show the mail of --backend memory in a web inbox; a "
           "number is a port of the loopback interface."),
    Option("web-host", Kind("NAME", (str,), domain_key), "A host name by which browsers may call the web inbox, "
           "besides localhost and addresses", repeated=True),
)  # fmt: skip


def _apply(values: Values, process: Process) -> None:
    if values["web"] is None:
        if values["web-host"]:
            raise OptionError("web-host", "needs", "web")
        return
    kept = [each.named for each in process.listeners if isinstance(each.named, MemoryBackend)]
    if len(kept) != 1:
        raise OptionError("web", f"needs one backend that is memory, and there are {len(kept) or 'none'}")
    try:
        from txsmtpx.web.service import InboxService
    except ImportError as error:
        raise OptionError("web", f"needs the extra txsmtpx[web]: {error}") from error
    try:
        process.services.append(InboxService(kept[0], values["web"], process.reactor, values["web-host"]))
    except Exception as error:  # each endpoint parser has its own
        raise OptionError("web", f"{values['web']}: {error or type(error).__name__}") from error


WEB = Group("Web inbox", OPTIONS, for_process=_apply)
