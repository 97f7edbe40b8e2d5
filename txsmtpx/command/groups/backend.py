"""
Who takes the mail.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from txsmtpx.backends.next_servers import WAIT
from txsmtpx.backends.plugins import backend_named, plugins
from txsmtpx.backends.relay import HOLD, RelayBackend
from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import (
    DOMAIN_KEY,
    FLAG,
    NUMBER,
    SECONDS,
    TEXT,
    Action,
    Kind,
    Option,
    OptionError,
    one_of,
)
from txsmtpx.command.values import Values
from txsmtpx.extensions.registry import named


def _keyword(text: str) -> str:
    return str(named(text).keyword)


RELAY = (
    Option("relay-connections", NUMBER, "Connections to each next server at a time.", 10),
    Option("relay-wait", SECONDS, "Seconds a client waits for a connection to the next server, 0 for ever.", WAIT),
    Option(
        "relay-hold",
        SECONDS,
        "Seconds a message may take to come while another client waits for a connection, 0 for ever.",
        HOLD,
    ),
    Option(
        "relay-without",
        Kind("KEYWORD", (str,), _keyword),
        "An extension, such as CHUNKING, that a relay does not use, though the next servers offer it",
        repeated=True,
    ),
    Option(
        "relay-allow-unverified-tls",
        FLAG,
        "Accept any certificate of the next servers; anyone on the way can read and change the mail.",
        False,
    ),
    Option(
        "relay-eight-bit",
        one_of("refuse", "send"),
        "What becomes of 8-bit messages if the next server does not offer 8BITMIME.",
        "refuse",
    ),
)
OPTIONS = (
    Option("backend", TEXT, "Who takes the mail: NAME or NAME:ARGUMENT, see --help-backends.", "log", "b"),
    Option(
        "relay-domain",
        DOMAIN_KEY,
        "A domain to which a relay takes mail from anybody",
        repeated=True,
    ),
    *RELAY,
)


def _apply(values: Values, listener: Listener) -> None:
    try:
        backend = listener.backend = listener.named = backend_named(values["backend"])
    except ValueError as error:
        raise OptionError("backend", f"{values['backend']}: {error}") from error
    if isinstance(backend, RelayBackend):
        backend.domains = frozenset(values["relay-domain"])
        backend.eight_bit = values["relay-eight-bit"]
        _set_limits(values, backend)
        for pool in backend.pools:
            pool.settings = replace(pool.settings, tls_verify=not values["relay-allow-unverified-tls"])
        _leave_alone(values["relay-without"], backend)
        if not values["auth"] and not backend.domains:
            raise OptionError(
                "backend", "is a relay for all to everywhere: say for whom or where to:", "auth", "relay-domain"
            )
    else:
        for name in (option.name for option in RELAY if values.said(option.name)):
            raise OptionError(name, "needs a backend that is relay: or lmtp:")
        if values["relay-domain"]:
            raise OptionError("relay-domain", "needs a backend that is relay: or lmtp:")
    listener.services = getattr(backend, "pools", ())


def _set_limits(values: Values, backend: RelayBackend) -> None:
    try:
        backend.set_limits(values["relay-connections"], values["relay-wait"], values["relay-hold"])
    except ValueError as error:
        raise OptionError("relay-connections", str(error)) from error


def _leave_alone(keywords: list[str], backend: RelayBackend) -> None:
    try:
        for pool in backend.pools:
            pool.settings = replace(pool.settings, without={*pool.settings.without, *keywords})
    except ValueError as error:
        raise OptionError("relay-without", str(error)) from error


def _list() -> None:
    print("Backends:")
    for _, plugin in sorted(plugins().items()):
        print(f"  {plugin.syntax:<14} {plugin.description}")
    print(f"  {'DOTTED.NAME':<14} any importable backend or maker of one; DOTTED.NAME:ARGUMENT gives it ARGUMENT")
    sys.exit(0)


BACKEND = Group("Backend", OPTIONS, _apply, actions=(Action("help-backends", "List the backends and exit.", _list),))
