"""The backend that accepts the mail."""

from __future__ import annotations

import sys
from dataclasses import replace

from txsmtpx.backends.next_servers import WAIT
from txsmtpx.backends.plugins import backend_named, plugins
from txsmtpx.backends.relay import HOLD, RelayBackend
from txsmtpx.command.group import Group
from txsmtpx.command.groups.authentication import AUTH
from txsmtpx.command.kind import DOMAIN_KEY, FLAG, NUMBER, TEXT, TIME, Kind, one_of
from txsmtpx.command.option import Action, Option, OptionError, Values, option, repeated
from txsmtpx.command.process import Listener
from txsmtpx.dialog.demands import EightBit
from txsmtpx.extensions.registry import extension_named
from txsmtpx.interfaces import PoolsBackend, provides


def _keyword(text: str) -> str:
    try:
        return str(extension_named(text).keyword)
    except ValueError as error:
        raise ValueError(f"must be the keyword of an extension, not {text!r}") from error


BACKEND_NAME = option(
    "backend", TEXT, "Hand the mail to NAME or NAME:ARGUMENT; see --help-backends.", "log", short="b"
)
RELAY_DOMAIN = repeated("relay-domain", DOMAIN_KEY, "Relay mail to a domain without a login.")
CONNECTIONS = option("relay-connections", NUMBER, "Open up to N connections to each next server.", 10)
WAITING = option(
    "relay-wait", TIME, "Reject mail for now if no connection to a next server is free for N seconds (0: never).",
    WAIT,
)
HOLDING = option(
    "relay-hold",
    TIME,
    "Take the connection from a message that is not complete after N seconds if another client waits (0: never).",
    HOLD,
)
WITHOUT = repeated(
    "relay-without",
    Kind("KEYWORD", (str,), _keyword),
    "Do not use an extension, such as CHUNKING, though next servers offer it.",
)
UNVERIFIED = option(
    "relay-allow-unverified-tls",
    FLAG,
    "Accept any certificate of next servers; anyone on the network path can then read and change the mail.",
    False,
)
EIGHT_BIT_KIND: Kind[EightBit] = one_of("refuse", "send")
EIGHT_BIT: Option[EightBit] = Option(
    "relay-eight-bit",
    EIGHT_BIT_KIND,
    "Refuse 8-bit messages if the next server does not offer 8BITMIME, or send them all the same.",
    "refuse",
)
RELAY: tuple[Option[object], ...] = (CONNECTIONS, WAITING, HOLDING, WITHOUT, UNVERIFIED, EIGHT_BIT)


def _apply(values: Values, listener: Listener) -> None:
    name = values[BACKEND_NAME]
    try:
        backend = listener.backend = listener.chosen_backend = backend_named(name)
    except ValueError as error:
        raise OptionError(BACKEND_NAME.name, f"{name}: {error}") from error
    if provides(backend, PoolsBackend):
        listener.services = backend.pools
    if isinstance(backend, RelayBackend):
        _relay(values, backend)
        return
    for needing in (*RELAY, RELAY_DOMAIN):
        if needing.name in values.given and (needing in RELAY or values[needing]):
            raise OptionError(needing.name, "needs a backend that is relay: or lmtp:")


def _relay(values: Values, backend: RelayBackend) -> None:
    backend.domains = frozenset(values[RELAY_DOMAIN])
    backend.eight_bit = values[EIGHT_BIT]
    try:
        backend.set_limits(values[CONNECTIONS], values[WAITING], values[HOLDING])
    except ValueError as error:
        raise OptionError(CONNECTIONS.name, str(error)) from error
    try:
        for pool in backend.pools:
            without = {*pool.settings.without, *values[WITHOUT]}
            pool.settings = replace(pool.settings, tls_verify=not values[UNVERIFIED], without=without)
    except ValueError as error:
        raise OptionError(WITHOUT.name, str(error)) from error
    if not values[AUTH] and not backend.domains:
        raise OptionError(BACKEND_NAME.name, "would be an open relay: add", AUTH.name, RELAY_DOMAIN.name)


def _list(argument: str) -> None:
    print("Backends:")
    for _, plugin in sorted(plugins().items()):
        print(f"  {plugin.syntax:<18} {plugin.description}")
    print(f"  {'DOTTED.NAME':<18} a backend, or a function that returns one; DOTTED.NAME:ARGUMENT passes ARGUMENT")
    sys.exit(0)


BACKEND = Group(
    "Backend",
    "The backend that accepts the mail.",
    (BACKEND_NAME, RELAY_DOMAIN, *RELAY),
    _apply,
    always=True,
    actions=(Action("help-backends", "List the backends and exit.", _list),),
)
