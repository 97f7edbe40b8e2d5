"""A web inbox for the mail that the backends memory and inbox keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword

from txsmtpx.command.group import Group
from txsmtpx.command.groups.authentication import AnyChecker, checker_of
from txsmtpx.command.groups.examining import EXAMINING, tools_of
from txsmtpx.command.groups.listening import NETWORK, port_of
from txsmtpx.command.groups.mailbox_limiting import MAILBOX_LIMIT, mailbox_limits
from txsmtpx.command.groups.releasing import RELEASE, release_of
from txsmtpx.command.groups.web_hook import HOOK, webhook_of
from txsmtpx.command.kind import DOMAIN_KEY, FILE, FLAG, LOOPBACK_ENDPOINT, Kind
from txsmtpx.command.option import Values, option, repeated
from txsmtpx.command.process import Listener, Process
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.interfaces import Reactor
from txsmtpx.web.api_tokens import ApiTokens
from txsmtpx.web.web_names import UNIX, web_origin, web_path

if TYPE_CHECKING:
    from txsmtpx.backends.memory import MemoryBackend
    from txsmtpx.inbox.faults import Faults
    from txsmtpx.inbox.inbox_backend import InboxBackend

WEB_PORT = option(
    "web",
    LOOPBACK_ENDPOINT,
    "Show the mail in a web inbox on this endpoint.  The mail is kept in memory, or with --backend inbox:PATH in a "
    "file.  A number is a port of the loopback interface; tcp:8025 listens on all interfaces.",
    None,
    about="process",
)
HOST = repeated(
    "web-host",
    Kind("NAME", (str,), DOMAIN_KEY.read),
    "Let browsers call the web inbox by a host name besides localhost and addresses.",
    about="process",
)


def _path(text: str) -> str:
    web_path(text)
    return text


def _proxy(text: str) -> str:
    if text == UNIX:
        return text
    try:
        return NETWORK.read(text)
    except ValueError as error:
        raise ValueError(str(error).replace("must be a network,", f"must be {UNIX}, or a network,")) from error


WEB_PATH = option(
    "web-path",
    Kind("PATH", (str,), _path),
    "Serve the web inbox below a path, such as /mail, for a proxy that passes the path on.",
    "/",
    about="process",
)
PROXY = repeated(
    "web-proxy",
    Kind("NETWORK", (str,), _proxy),
    "Obey X-Forwarded-Host, -Proto, -Prefix and -For from the proxies of a network, such as 127.0.0.1, or unix.",
    about="process",
)

ORIGIN = repeated(
    "web-origin",
    Kind("ORIGIN", (str,), web_origin),
    "Let pages of another site, such as https://app.example.org, use the API of the web inbox (CORS).",
    about="process",
)
CHAOS = option(
    "chaos",
    FLAG,
    "Let users of the web inbox make MAIL, RCPT, DATA and AUTH fail or wait.",
    False,
    about="process",
)
WEB_AUTH = repeated(
    "web-auth",
    Kind("TYPE:ARGUMENT", (str,), str),
    "Require a login for the web inbox: the name and the password of a user, such as file:PATH.  The types are those "
    "of --auth.",
    secret=True,
    about="process",
)
WEB_TOKENS = option(
    "web-tokens",
    FILE,
    "Accept the tokens of a file for the web inbox too, from programs.  Its lines are NAME TOKEN.",
    None,
    about="process",
)


def _checker(values: Values) -> ICredentialsChecker | None:
    if not values[WEB_AUTH]:
        if values[WEB_TOKENS] is not None:
            raise WEB_TOKENS.fault(values[WEB_TOKENS], "there is no login; add", WEB_AUTH.name)
        return None
    checkers = [checker_of(each, WEB_AUTH) for each in values[WEB_AUTH]]
    for description, checker in zip(values[WEB_AUTH], checkers, strict=True):
        if IUsernamePassword not in checker.credentialInterfaces:
            kind = description.partition(":")[0]
            raise WEB_AUTH.fault(kind, "a browser logs in by a password, which this type does not check; use file:PATH")
    return AnyChecker(checkers, WEB_AUTH)


def _tokens(values: Values) -> ApiTokens | None:
    path = values[WEB_TOKENS]
    try:
        return None if path is None else ApiTokens(path)
    except OSError as error:
        raise WEB_TOKENS.fault(path, f"cannot read the file: {error.strerror}") from error
    except ValueError as error:
        raise WEB_TOKENS.fault(path, str(error)) from error


MORE = (MAILBOX_LIMIT, CHAOS, *HOOK, *EXAMINING)
"""The options that add to the inbox."""


def _apply(values: Values, process: Process) -> None:
    description = values[WEB_PORT]
    if description is None:
        for needs_site in (HOST, WEB_PATH, PROXY, ORIGIN, WEB_AUTH, WEB_TOKENS, *MORE, *RELEASE):
            if needs_site.name in values.given:
                raise needs_site.fault(values[needs_site], "there is no web inbox; add", WEB_PORT.name)
        return
    keepers = [each for each in map(_keeper, process.listeners) if each is not None]
    if not keepers:
        text = "the web inbox shows the mail of the backends memory, inbox and scripted only"
        raise WEB_PORT.fault(description, f"{text}; leave out --backend, write --backend memory, or add --tee memory")
    if len(keepers) > 1:
        text = f"the web inbox shows the mail of one backend, and {len(keepers)} listeners have a backend that it shows"
        raise WEB_PORT.fault(description, f"{text}; give the others another backend")
    try:
        from txsmtpx.inbox.inbox_service import InboxService
    except ImportError as error:
        text = f"the extra txsmtpx[web] is not installed ({error}); pip install jinja2"
        raise WEB_PORT.fault(description, text) from error
    port = port_of(values, process.reactor, WEB_PORT, description)
    reactor = cast(IInboxReactor, process.reactor)  # Sockets has all methods of the reactor that it wraps
    site = (values[HOST], values[WEB_PATH], values[PROXY], values[ORIGIN])
    checker, tokens = _checker(values), _tokens(values)
    more = (release_of(values, process.reactor, checker is not None), mailbox_limits(values), _faults(values, process))
    hook = webhook_of(values, process.reactor)
    tools = tools_of(values, process.reactor)
    service = InboxService(keepers[0], description, reactor, *site, checker, tokens, *more, hook, tools)
    process.services.append(service)
    process.add_site(port, service)


def _faults(values: Values, process: Process) -> Faults | None:
    """Return the faults on demand, which each listener obeys; None without ``--chaos``."""
    if not values[CHAOS]:
        return None
    from txsmtpx.inbox.faults import Faults
    from txsmtpx.middleware.chaos import ChaosBackend

    faults = Faults()
    for listener in process.listeners:
        if listener.backend is not None:  # otherwise its group has failed
            listener.backend = ChaosBackend(listener.backend, faults.of, cast(Reactor, process.reactor))
    return faults


def _keeper(listener: Listener) -> MemoryBackend | InboxBackend | None:
    """Return the backend of a listener that keeps mail, which middleware may wrap; otherwise that of its copies."""
    from txsmtpx.backends.memory import MemoryBackend
    from txsmtpx.inbox.inbox_backend import InboxBackend
    from txsmtpx.middleware.middleware import Middleware

    for backend in (listener.chosen_backend, listener.copies):
        while isinstance(backend, Middleware):
            backend = backend.backend
        if isinstance(backend, MemoryBackend | InboxBackend):
            return backend
    return None


WEB = Group(
    "Web inbox",
    "A web inbox for the mail of the backends memory and inbox.",
    (WEB_PORT, HOST, WEB_PATH, PROXY, ORIGIN, WEB_AUTH, WEB_TOKENS, *MORE),
    for_process=_apply,
    always=True,  # it applies the options of `RELEASING` too
)
RELEASING = Group(
    "Release of mail",
    "Mail of the web inbox that is sent on to real recipients.",
    RELEASE,
)
