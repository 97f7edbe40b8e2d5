"""
A web inbox for what the memory backend keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import endpoint
from txsmtpx.command.option import DOMAIN_KEY, Kind, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.grammar import asciitext
from txsmtpx.inbox.inbox_reactor import IInboxReactor

if TYPE_CHECKING:
    from txsmtpx.command.process import Process


def _description(text: str) -> str:
    """A number is a port of the loopback interface, for whoever reaches the inbox reads the mail in it."""
    return f"tcp:{text}:interface=127.0.0.1" if asciitext.is_number(text) else text


OPTIONS = (
    Option("web", Kind("ENDPOINT", (str, int), _description), "Show the mail of --backend memory in a web inbox; a "
           "number is a port of the loopback interface."),
    Option("web-host", Kind("NAME", (str,), DOMAIN_KEY.read), "A host name by which browsers may call the web inbox, "
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
        from txsmtpx.inbox.inbox_service import InboxService
    except ImportError as error:
        raise OptionError("web", f"needs the extra txsmtpx[web]: {error}") from error
    endpoint(process.reactor, "web", values["web"])  # which says what is wrong with it
    reactor = cast(IInboxReactor, process.reactor)  # Sockets has all methods of the reactor that it wraps
    process.services.append(InboxService(kept[0], values["web"], reactor, values["web-host"]))


WEB = Group("Web inbox", OPTIONS, for_process=_apply)
