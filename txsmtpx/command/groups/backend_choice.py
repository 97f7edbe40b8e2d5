"""The backend that accepts the mail."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import cast

from txsmtpx.backends.plugins import backend_named, plugins
from txsmtpx.command.action import Action
from txsmtpx.command.group import Group
from txsmtpx.command.groups.authentication import ANY, AUTH
from txsmtpx.command.groups.logging import METRICS_PORT
from txsmtpx.command.groups.relaying import RELAY, RELAY_DOMAIN, check_unused, relay_of, set_up
from txsmtpx.command.kind import FLAG, TEXT
from txsmtpx.command.option import Option, Values, option
from txsmtpx.command.process import Listener
from txsmtpx.interfaces import BackendLike, IBackend, PoolsBackend, Reactor, provides

BACKEND_NAME = option(
    "backend",
    TEXT,
    "Hand the mail to NAME or NAME:ARGUMENT; see --help-backends.  With --web the default is memory.",
    "log",
    short="b",
)

TEE = option(
    "tee", TEXT, "Give each accepted message to this backend too, such as an archive; see --help-backends.", None
)
TEE_REQUIRED = option(
    "tee-required", FLAG, "Reject a message that the backend of --tee rejects, instead of a line in the log.", False
)

_ENDPOINT_HINT = re.compile(r"(?:relay|lmtp):(?!.* (?:write|needs) )")
"""The error of a relay that does not show yet how to write an endpoint."""


_WIDTH = 100
"""Columns of the list of backends."""


def chosen_name(values: Values) -> str:
    """
    Return the name of the backend.

    Args:
        values: The values of the options.

    Returns:
        The name.  Without one, it is memory if there is a web inbox, which shows the mail of no other backend.
    """
    return "memory" if BACKEND_NAME.name not in values.given and "web" in values.given else values[BACKEND_NAME]


def _apply(values: Values, listener: Listener) -> None:
    name = chosen_name(values)
    backend = listener.chosen_backend = _created(values, listener, BACKEND_NAME, name)
    listener.backend = _measured(values, listener, backend, name)
    tee = values[TEE]
    if tee is not None:
        from txsmtpx.middleware.tee import TeeBackend

        listener.copies = _created(values, listener, TEE, tee)
        copies = _measured(values, listener, listener.copies, tee, "tee:")
        listener.backend = TeeBackend(listener.backend, copies, required=values[TEE_REQUIRED])
    elif values[TEE_REQUIRED]:
        raise TEE_REQUIRED.fault(True, "there are no copies; add", TEE.name)
    if relay_of(backend) is None and relay_of(listener.copies) is None:
        check_unused(values)


def _measured(values: Values, listener: Listener, backend: BackendLike, name: str, prefix: str = "") -> BackendLike:
    """
    Measure a backend, if there are metrics.  The label is its name without its argument, which may hold a password.

    Returns:
        The backend, or middleware around it.
    """
    if values[METRICS_PORT] is None:
        return backend
    from txsmtpx.middleware.measured_backend import MeasuredBackend

    label = f"{prefix}{name.partition(':')[0]}"
    return MeasuredBackend(backend, label, listener.figures, reactor=cast(Reactor, listener.reactor))


def _created(values: Values, listener: Listener, option: Option[str | None], name: str) -> IBackend:
    """
    Create a backend, and set it up if it relays.

    Returns:
        The backend.

    Raises:
        OptionError: It cannot be created, or would be an open relay.
    """
    try:
        backend = backend_named(name)
    except ValueError as error:
        hint = f"; write {name.partition(':')[0]}:tcp:HOST:PORT" if _ENDPOINT_HINT.match(f"{name} {error}") else ""
        raise option.fault(name, f"{error}{hint}") from error
    if provides(backend, PoolsBackend):
        listener.services = [*listener.services, *backend.pools]
        if ANY in values[AUTH]:
            text = "with a backend that relays, it would be an open relay; name the logins, such as file:PATH"
            raise AUTH.fault(ANY, text)
    relay = relay_of(backend)
    if relay is not None:
        set_up(values, relay, listener.reactor)
        if not values[AUTH] and not relay.domains:
            raise option.fault(name, "it would be an open relay; add", AUTH.name, RELAY_DOMAIN.name)
    return backend


def _list(argument: str) -> None:
    dotted = "a backend, or a function that returns one; DOTTED.NAME:ARGUMENT passes ARGUMENT"
    found = [(each.syntax, each.description) for _, each in sorted(plugins().items())] + [("DOTTED.NAME", dotted)]
    column = max(len(syntax) for syntax, _ in found) + 4
    print("Backends:")
    for syntax, description in found:
        beginning = f"  {syntax}".ljust(column)
        print(textwrap.fill(description, _WIDTH, initial_indent=beginning, subsequent_indent=" " * column))
    sys.exit(0)


BACKEND = Group(
    "Backend",
    "The backend that accepts the mail.",
    (BACKEND_NAME, TEE, TEE_REQUIRED, *RELAY),
    _apply,
    always=True,
    actions=(Action("help-backends", "List the backends and exit.", _list),),
)
