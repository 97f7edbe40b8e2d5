"""The backend that accepts the mail."""

from __future__ import annotations

import re
import sys
import textwrap
from functools import partial
from typing import cast

from twisted.python.usage import UsageError

from txsmtpx.backends.plugins import backend_named, plugins, settings_of
from txsmtpx.command.action import Action
from txsmtpx.command.chosen import Chosen
from txsmtpx.command.group import Group
from txsmtpx.command.groups.authentication import ANY, AUTH
from txsmtpx.command.groups.logging import METRICS_PORT
from txsmtpx.command.groups.queueing import queue_of, set_up_queue
from txsmtpx.command.groups.relaying import RELAY, RELAY_DOMAIN, check_unused, relay_of, set_up
from txsmtpx.command.kind import FLAG, Kind
from txsmtpx.command.option import OptionError, Values, option
from txsmtpx.command.plugin_settings import WIDTH, described_settings, parsed_settings, print_table
from txsmtpx.command.process import Listener, Question
from txsmtpx.interfaces import AnsweringBackend, BackendLike, IBackend, PoolsBackend, Reactor, provides
from txsmtpx.setting import SettingError, did_you_mean


def _kind(name: str) -> Kind[Chosen]:
    return Kind(
        "BACKEND",
        (str, dict),
        partial(Chosen.from_path, name),
        lambda chosen: cast(Chosen, chosen).text,
        read_table=partial(Chosen.from_table, name),
    )


BACKEND_NAME = option(
    "backend",
    _kind("backend"),
    "Hand the mail to NAME, NAME:ARGUMENT or NAME:ARGUMENT SETTING=VALUE...; see --help-backends.  In a file, it may "
    "be a table [backend] with its settings.  With --web the default is memory.",
    Chosen("backend", "log", {}),
    short="b",
)

TEE = option(
    "tee",
    _kind("tee"),
    "Give each accepted message to this backend too, such as an archive.  It is written as --backend is.",
    None,
)
TEE_REQUIRED = option(
    "tee-required", FLAG, "Reject a message that the backend of --tee rejects, instead of a line in the log.", False
)

_ENDPOINT_HINT = re.compile(r"(?:relay|lmtp):(?!.* (?:write|needs) )")
"""The error of a relay that does not show yet how to write an endpoint."""


def chosen_backend(values: Values) -> Chosen:
    """
    Return the backend as the operator chose it.

    Args:
        values: The values of the options.

    Returns:
        The backend.  Without one, it is memory if there is a web inbox, which shows the mail of no other backend.
    """
    inbox = BACKEND_NAME.name not in values.given and "web" in values.given
    return Chosen(BACKEND_NAME.name, "memory", {}) if inbox else values[BACKEND_NAME]


def _apply(values: Values, listener: Listener) -> None:
    chosen = chosen_backend(values)
    backend = listener.chosen_backend = _created(values, listener, chosen)
    listener.backend = _measured(values, listener, backend, chosen)
    tee = values[TEE]
    if tee is not None:
        from txsmtpx.middleware.tee import TeeBackend

        listener.copies = _created(values, listener, tee)
        copies = _measured(values, listener, listener.copies, tee, "tee:")
        listener.backend = TeeBackend(listener.backend, copies, required=values[TEE_REQUIRED])
    elif values[TEE_REQUIRED]:
        raise TEE_REQUIRED.fault(True, "there are no copies; add", TEE.name)
    chosen_ones = (backend, listener.copies)
    has_queue = any(queue_of(each) is not None for each in chosen_ones)
    if not any(relay_of(each) is not None for each in chosen_ones):
        check_unused(values, [RELAY_DOMAIN] if has_queue else [])


def _measured(
    values: Values, listener: Listener, backend: BackendLike, chosen: Chosen, prefix: str = ""
) -> BackendLike:
    """
    Measure a backend, if there are metrics.  The label is its name without its argument, which may hold a password.

    Returns:
        The backend, or middleware around it.
    """
    if values[METRICS_PORT] is None:
        return backend
    from txsmtpx.middleware.measured_backend import MeasuredBackend

    label = f"{prefix}{chosen.use.partition(':')[0]}"
    return MeasuredBackend(backend, label, listener.figures, reactor=cast(Reactor, listener.reactor))


def _created(values: Values, listener: Listener, chosen: Chosen) -> IBackend:
    """
    Create a backend, and set it up if it relays.

    Returns:
        The backend.

    Raises:
        OptionError: It cannot be created, or would be an open relay.
    """
    chosen.check("maildir:/var/mail/{domain}/{local}")
    name = chosen.use.partition(":")[0]
    try:
        backend = backend_named(chosen.use, parsed_settings(chosen, f"the backend {name}", settings_of(chosen.use)))
    except SettingError as error:
        raise chosen.fault(error.name.replace("_", "-"), error.text) from error
    except OptionError:
        raise
    except ValueError as error:
        hint = f"; write {name}:tcp:HOST:PORT" if _ENDPOINT_HINT.match(f"{chosen.use} {error}") else ""
        raise chosen.unusable(f"{error}{hint}") from error
    if provides(backend, PoolsBackend):
        listener.services = [*listener.services, *backend.pools]
    if provides(backend, AnsweringBackend):
        listener.questions.append(Question(name, backend.ask, chosen.unusable))
    relay, queue = relay_of(backend), queue_of(backend)
    if relay is not None or queue is not None:
        if ANY in values[AUTH]:
            text = "with a backend that relays, it would be an open relay; name the logins, such as file:PATH"
            raise AUTH.fault(ANY, text)
        if not values[AUTH] and not values[RELAY_DOMAIN]:
            raise chosen.unusable("it would be an open relay; add", AUTH.name, RELAY_DOMAIN.name)
    if relay is not None:
        set_up(values, relay, listener.reactor)
    if queue is not None:
        queue.domains = frozenset(values[RELAY_DOMAIN])
        set_up_queue(values, queue, listener)
    return backend


def _list(argument: str) -> None:
    dotted = "a backend, or a function that returns one; DOTTED.NAME:ARGUMENT passes ARGUMENT"
    found = [(each.syntax, each.description) for _, each in sorted(plugins().items())] + [("DOTTED.NAME", dotted)]
    print_table("Backends:", found)
    print("--help-backend NAME lists the settings of a backend.")
    sys.exit(0)


def _explain(name: str) -> None:
    found = plugins()
    if name not in found:
        text = f"there is no such backend{did_you_mean(name, found) or ';'} --help-backends lists the backends"
        raise UsageError(f"--help-backend {name}: {text}")
    print(textwrap.fill(f"{found[name].syntax}: {found[name].description}", WIDTH))
    settings = settings_of(name)
    if settings:
        print_table("Settings:", described_settings(settings))
    sys.exit(0)


BACKEND = Group(
    "Backend",
    "The backend that accepts the mail.",
    (BACKEND_NAME, TEE, TEE_REQUIRED, *RELAY),
    _apply,
    always=True,
    actions=(
        Action("help-backends", "List the backends and exit.", _list),
        Action("help-backend", "List the settings of a backend and exit.", _explain, "NAME"),
    ),
)
