"""The options of a backend that relays: its next servers, and how it connects to them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from txsmtpx.backends.relay_times import HOLD, WAIT
from txsmtpx.command.groups.listening import extension
from txsmtpx.command.kind import DOMAIN_KEY, FILE, FLAG, TIME, Kind, one_of
from txsmtpx.command.oauth_file import oauth_of
from txsmtpx.command.option import Option, Values, option, option_of, repeated
from txsmtpx.command.sockets import Sockets
from txsmtpx.interfaces import Reactor
from txsmtpx.logins.password_file import entries
from txsmtpx.setting_kinds import Number

if TYPE_CHECKING:
    from txsmtpx.backends.relay import RelayBackend
    from txsmtpx.dialog.demands import EightBit
    from txsmtpx.wire.client_settings import Auth, TLSMode
    from txsmtpx.wire.oauth2 import OAuth2
    from txsmtpx.wire.pool import SMTPPool

RELAY_DOMAIN = repeated("relay-domain", DOMAIN_KEY, "Relay mail to a domain without a login.")
CONNECTIONS = option_of(
    Number("relay_connections", 10, "Backend", "Open up to N connections to each next server.", "connections", 1)
)
WAITING = option(
    "relay-wait", TIME, "Reject mail for now if no connection to a next server is free for this time (0: never).", WAIT
)
HOLDING = option(
    "relay-hold",
    TIME,
    "Take the connection from a message that is not complete after this time if another client waits (0: never).",
    HOLD,
)
WITHOUT = repeated(
    "relay-without",
    Kind("KEYWORD", (str,), lambda text: str(extension(text).keyword)),
    "Do not use an extension, such as CHUNKING, though next servers offer it.",
)
MODES: Kind[TLSMode] = one_of("opportunistic", "required", "implicit", "none")
MODE: Option[TLSMode | None] = Option(
    "relay-tls",
    MODES,
    "Use STARTTLS if a next server offers it, require STARTTLS, begin with TLS, or use no TLS. The default is none for "
    "UNIX sockets and the loopback interface, implicit for relay:tls:, otherwise required.",
    None,
)
LOGIN = option(
    "relay-auth", FILE, "Log in to next servers with the user name and the password in a file: NAME:PASSWORD.", None
)
OAUTH = option(
    "relay-oauth", FILE, "Log in to next servers by OAuth 2.0; a TOML file has the token endpoint and the client.", None
)
UNVERIFIED = option(
    "relay-allow-unverified-tls",
    FLAG,
    "Accept any certificate of next servers; anyone on the network path can then read and change the mail.",
    False,
)
_EIGHT_BIT_KIND: Kind[EightBit] = one_of("refuse", "send")
EIGHT_BIT: Option[EightBit] = Option(
    "relay-eight-bit",
    _EIGHT_BIT_KIND,
    "Refuse 8-bit messages if the next server does not offer 8BITMIME, or send them all the same.",
    "refuse",
)
RELAY: tuple[Option[object], ...] = (
    RELAY_DOMAIN, CONNECTIONS, WAITING, HOLDING, WITHOUT, MODE, LOGIN, OAUTH, UNVERIFIED, EIGHT_BIT
)  # fmt: skip


def relay_of(backend: object) -> RelayBackend | None:
    """
    Return a backend that is a relay.  A process without a relay does not import the client.

    Args:
        backend: A backend, or None.

    Returns:
        The backend; None if it is no relay.
    """
    module = sys.modules.get("txsmtpx.backends.relay")
    return backend if module is not None and isinstance(backend, module.RelayBackend) else None


def stores_tokens(backend: object) -> bool:
    """
    Return whether a backend is a relay that keeps the tokens of a login in a file.

    Args:
        backend: A backend, or None.

    Returns:
        True if it does.
    """
    relay = relay_of(backend)
    return relay is not None and any(getattr(pool.settings.auth, "is_stored", False) for pool in relay.pools)


def check_unused(values: Values, used: Collection[Option[object]] = ()) -> None:
    """
    Check that no option of a relay is given.

    Args:
        values: The values of the options.
        used: Options of a relay that the backend has too.

    Raises:
        OptionError: One is given, and the backend is no relay.
    """
    for needing in RELAY:
        if needing not in used and needing.name in values.given and values[needing]:
            text = "the backend is no relay; add --backend relay:ENDPOINT or lmtp:ENDPOINT"
            raise needing.fault(values[needing], text)


def set_up(values: Values, backend: RelayBackend, reactor: Sockets) -> None:
    """
    Change a relay as the options describe.

    Args:
        values: The values of the options.
        backend: The relay.
        reactor: The reactor of the process.

    Raises:
        OptionError: An option contradicts another, or a file cannot be read.
    """
    from txsmtpx.wire.target import target

    backend.domains = frozenset(values[RELAY_DOMAIN])
    backend.eight_bit = values[EIGHT_BIT]
    backend.set_limits(values[CONNECTIONS], values[WAITING], values[HOLDING])
    given, login = login_of(values, LOGIN, OAUTH)
    if login is not None and "AUTH" in values[WITHOUT]:
        raise WITHOUT.fault("AUTH", "without it there is no login; leave it out, or leave out", given.name)
    for pool in backend.pools:
        usual = target(cast(Reactor, reactor), pool.server).tls
        mode = values[MODE]
        if usual == "implicit" and mode not in (None, "implicit"):
            raise MODE.fault(mode, f"{pool.server} begins with TLS; leave this option out, or write tcp: for tls:")
        without = {*pool.settings.without, *values[WITHOUT]}
        verify = not values[UNVERIFIED]
        try:
            pool.settings = replace(pool.settings, tls=mode, tls_verify=verify, without=without, auth=login)
        except ValueError as error:  # TLS is required by STARTTLS, which is not used
            text = f"{pool.server} needs it for TLS; use relay:tls:HOST:PORT, or --relay-tls none"
            raise WITHOUT.fault("STARTTLS", text) from error
        check_tls(pool, usual, given, values[given], MODE)


def login_of(
    values: Values, password: Option[str | None], oauth: Option[str | None]
) -> tuple[Option[str | None], Auth | None]:
    """
    Return the login for next servers.

    Args:
        values: The values of the options.
        password: The option of a file with the user name and the password.
        oauth: The option of a file for OAuth 2.0.

    Returns:
        The option of the login, and the login; None for none.

    Raises:
        OptionError: Both options are given, or a file cannot be used.
    """
    if values[oauth] is None:
        return password, _read(password, values[password], login_in)
    if values[password] is not None:
        raise oauth.fault(values[oauth], "it is a login; leave it out, or leave out", password.name)
    return oauth, _read(oauth, values[oauth], oauth_in)


def _read(option: Option[str | None], path: str | None, read: Callable[[str], Auth]) -> Auth | None:
    """Return the login in the file of an option; None without a file."""
    try:
        return None if path is None else read(path)
    except ValueError as error:
        raise option.fault(path, str(error)) from error


def check_tls(
    pool: SMTPPool, usual: TLSMode, given: Option[str | None], path: str | None, mode: Option[object]
) -> None:
    """
    Check that a login is sent by TLS only.

    Args:
        pool: The connections to a next server.
        usual: The mode of TLS that suits its endpoint.
        given: The option of the login.
        path: The value of that option.
        mode: The option of the mode of TLS.

    Raises:
        OptionError: It would be sent without TLS.
    """
    if pool.settings.auth is not None and pool.settings.tls_mode(usual) == "none":
        secret = "access token" if "oauth" in given.name else "password"
        text = f"the {secret} would be sent to {pool.server} without TLS; add --{mode.name} required"
        raise given.fault(path, text)


def oauth_in(path: str) -> OAuth2:
    """
    Read the login by OAuth 2.0 in a file.

    Args:
        path: The path.

    Returns:
        The login.

    Raises:
        ValueError: A file cannot be read, or has no login.
    """
    try:
        return oauth_of(path)
    except OSError as error:
        raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error


def login_in(path: str) -> tuple[str, str]:
    """
    Read the login in a file.

    Args:
        path: The path.

    Returns:
        The user name and the password.

    Raises:
        ValueError: The file cannot be read, or has not one line NAME:PASSWORD.
    """
    try:
        found = entries(path)
    except OSError as error:
        raise ValueError(f"cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise ValueError("a line has no password; write one line NAME:PASSWORD") from error
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} logins; write one line NAME:PASSWORD")
    return found[0]
