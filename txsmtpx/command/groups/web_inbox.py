"""A web inbox for the mail that the memory backend keeps."""

from __future__ import annotations

from typing import cast

from txsmtpx.backends.memory import MemoryBackend
from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import port_of
from txsmtpx.command.kind import DOMAIN_KEY, LOOPBACK_ENDPOINT, Kind
from txsmtpx.command.option import OptionError, Values, option, repeated
from txsmtpx.command.process import Process
from txsmtpx.inbox.inbox_reactor import IInboxReactor

WEB_PORT = option(
    "web",
    LOOPBACK_ENDPOINT,
    "Show the mail of --backend memory in a web inbox on this endpoint.  A number is a port of the loopback interface; "
    "tcp:8025 listens on all interfaces.",
    None,
    about="process",
)
HOST = repeated(
    "web-host",
    Kind("NAME", (str,), DOMAIN_KEY.read),
    "Let browsers call the web inbox by a host name besides localhost and addresses.",
    about="process",
)


def _apply(values: Values, process: Process) -> None:
    description = values[WEB_PORT]
    if description is None:
        if values[HOST]:
            raise OptionError(HOST.name, "needs", WEB_PORT.name)
        return
    backends = [each.chosen_backend for each in process.listeners]
    memories = [each for each in backends if isinstance(each, MemoryBackend)]
    if len(memories) != 1:
        text = f"needs one listener with the backend memory, not {len(memories) or 'none'}:"
        raise OptionError(WEB_PORT.name, text, "backend")
    try:
        from txsmtpx.inbox.inbox_service import InboxService
    except ImportError as error:
        raise OptionError(WEB_PORT.name, f"needs the extra txsmtpx[web]: {error}") from error
    port = port_of(values, process.reactor, WEB_PORT, description)
    reactor = cast(IInboxReactor, process.reactor)  # Sockets has all methods of the reactor that it wraps
    service = InboxService(memories[0], description, reactor, values[HOST])
    process.services.append(service)
    process.add_site(port, service)


WEB = Group("Web inbox", "A web inbox for the mail of the memory backend.", (WEB_PORT, HOST), for_process=_apply)
