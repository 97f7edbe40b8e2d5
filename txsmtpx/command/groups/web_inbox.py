"""A web inbox for the mail that the backends memory and inbox keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from txsmtpx.command.group import Group
from txsmtpx.command.groups.examining import EXAMINING, tools_of
from txsmtpx.command.groups.listening import port_of
from txsmtpx.command.groups.mailbox_limiting import MAILBOX_LIMIT, mailbox_limits
from txsmtpx.command.groups.releasing import RELEASE, release_of
from txsmtpx.command.groups.web_hook import HOOK, webhook_of
from txsmtpx.command.groups.web_pop3 import POP3_PORT, add_pop3
from txsmtpx.command.groups.web_site import site_options
from txsmtpx.command.kind import FLAG, LOOPBACK_ENDPOINT, Kind
from txsmtpx.command.option import Values, option, repeated
from txsmtpx.command.process import Listener, Process
from txsmtpx.inbox.inbox_reactor import IInboxReactor
from txsmtpx.interfaces import Reactor
from txsmtpx.web.web_names import web_origin

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
SITE = site_options("web", "the web inbox")
HOST, WEB_PATH, PROXY, WEB_AUTH, WEB_TOKENS = SITE.host, SITE.path, SITE.proxy, SITE.auth, SITE.tokens
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

MORE = (POP3_PORT, MAILBOX_LIMIT, CHAOS, *HOOK, *EXAMINING)
"""The options that add to the inbox."""


def _apply(values: Values, process: Process) -> None:
    description = values[WEB_PORT]
    if description is None:
        for needs_site in (HOST, WEB_PATH, PROXY, ORIGIN, WEB_AUTH, WEB_TOKENS, *MORE, *RELEASE):
            if needs_site.name in values.given:
                raise needs_site.fault(values[needs_site], "there is no web inbox; add", WEB_PORT.name)
        return
    found = [(each, _keeper(each)) for each in process.listeners]
    keepers = [(listener, backend) for listener, backend in found if backend is not None]
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
    checker, tokens = SITE.checker(values), SITE.read_tokens(values)
    more = (release_of(values, process.reactor, checker is not None), mailbox_limits(values), _faults(values, process))
    hook = webhook_of(values, process.reactor)
    tools = tools_of(values, process.reactor)
    listener, backend = keepers[0]
    service = InboxService(backend, description, reactor, *site, checker, tokens, *more, hook, tools)
    process.services.append(service)
    process.add_site(port, service)
    add_pop3(values, process, service, checker, listener.certificate)


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
