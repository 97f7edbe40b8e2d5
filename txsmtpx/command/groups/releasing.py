"""Mail of the web inbox that is sent on to real recipients: the next server, and the recipients that are allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from txsmtpx.command.groups.relaying import MODES, check_tls, login_of
from txsmtpx.command.kind import FILE, FLAG, Kind
from txsmtpx.command.option import Option, Values, option, repeated
from txsmtpx.command.sockets import Sockets
from txsmtpx.grammar import path
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.inbox.address_pattern import AddressPattern
from txsmtpx.interfaces import Reactor

if TYPE_CHECKING:
    from txsmtpx.inbox.mail_release import ForwardRule, MailRelease
    from txsmtpx.wire.client_settings import TLSMode


def _pattern(text: str) -> str:
    AddressPattern(text)
    return text


def _address(text: str) -> str:
    try:
        return path.parse_mailbox(text) if text else ""
    except Malformed:
        raise ValueError(f"must be an address, such as qa@example.org, not {text!r}") from None


def _rule(text: str) -> str:
    pattern, *to = text.split() or [""]
    if to[1:]:
        raise ValueError(f"has a pattern and at most one address, not {text!r}; write another --forward")
    _pattern(pattern)
    for address in to:
        _address(address)
    return text


_PATTERN = Kind("PATTERN", (str,), _pattern)
SERVER = option(
    "release-to",
    Kind("SERVER", (str,), str),
    "Let users of the web inbox send mail on to real recipients, through the server at this endpoint.  An example is "
    "tls:mail.example.org:465.",
    None,
    about="process",
)
RECIPIENTS = repeated(
    "release-recipient",
    _PATTERN,
    "Release mail to matching recipients only, such as qa@example.org, *@example.org, *.example.org or *.",
    about="process",
)
SENDER: Option[str | None] = option(
    "release-sender",
    Kind("ADDRESS", (str,), _address),
    "Send mail on with this sender in the envelope, who gets the bounces.  The default is the sender of each message.",
    None,
    about="process",
)
FORWARD = repeated(
    "forward",
    Kind("RULE", (str,), _rule),
    "Send each new message on by itself to those of its recipients that match a PATTERN.  With 'PATTERN ADDRESS', send "
    "it to ADDRESS instead.",
    about="process",
)
MODE: Option[TLSMode | None] = Option(
    "release-tls",
    MODES,
    "Use STARTTLS if the next server offers it, require STARTTLS, begin with TLS, or use no TLS. The default is "
    "that of --relay-tls.",
    None,
    about="process",
)
LOGIN = option(
    "release-auth",
    FILE,
    "Log in to the next server with the user name and the password in a file: NAME:PASSWORD.",
    None,
    about="process",
)
OAUTH = option(
    "release-oauth",
    FILE,
    "Log in to the next server by OAuth 2.0; a TOML file has the token endpoint and the client.",
    None,
    about="process",
)
UNVERIFIED = option(
    "release-allow-unverified-tls",
    FLAG,
    "Accept any certificate of the next server; anyone on the network path can then read and change the mail.",
    False,
    about="process",
)
RELEASE: tuple[Option[object], ...] = (SERVER, RECIPIENTS, SENDER, FORWARD, MODE, LOGIN, OAUTH, UNVERIFIED)


def release_of(values: Values, reactor: Sockets, has_login: bool) -> MailRelease | None:
    """
    Return what sends mail of the web inbox on.

    Args:
        values: The values of the options.
        reactor: The reactor of the process.
        has_login: True if the users of the web inbox log in.

    Returns:
        It; None without ``--release-to``.

    Raises:
        OptionError: An option contradicts another, or would be an open relay.
    """
    endpoint = values[SERVER]
    if endpoint is None:
        for needing in RELEASE:
            if needing.name in values.given and values[needing]:
                raise needing.fault(values[needing], "there is no next server; add", SERVER.name)
        return None
    if not has_login and not values[RECIPIENTS]:
        text = "without a login, anyone who reaches the web inbox could send to any recipient; add"
        raise SERVER.fault(endpoint, text, RECIPIENTS.name, "web-auth")
    from txsmtpx.inbox.mail_release import CONNECTIONS, MailRelease
    from txsmtpx.wire.pool import SMTPPool
    from txsmtpx.wire.target import target

    try:
        usual = target(cast(Reactor, reactor), endpoint).tls
    except ValueError as error:
        raise SERVER.fault(endpoint, str(error)) from error
    mode = values[MODE]
    if usual == "implicit" and mode not in (None, "implicit"):
        raise MODE.fault(mode, f"{endpoint} begins with TLS; leave this option out, or write tcp: for tls:")
    given, login = login_of(values, LOGIN, OAUTH)
    pool = SMTPPool(endpoint, size=CONNECTIONS, wait=60, reactor=cast(Reactor, reactor))
    pool.settings = replace(pool.settings, tls=mode, tls_verify=not values[UNVERIFIED], auth=login)
    check_tls(pool, usual, given, values[given], MODE)
    rules = [_forward_rule(each) for each in values[FORWARD]]
    return MailRelease(pool, map(AddressPattern, values[RECIPIENTS]), values[SENDER], rules)


def _forward_rule(text: str) -> ForwardRule:
    from txsmtpx.inbox.mail_release import ForwardRule

    pattern, *to = text.split()
    return ForwardRule(AddressPattern(pattern), _address(to[0]) if to else None)
