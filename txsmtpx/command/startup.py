"""
The first lines of the log: where the servers listen, and what they do with mail, TLS and logins.

They show which clients can reach a port, and the option that changes that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from txsmtpx.command.chosen_filter import FILTER
from txsmtpx.command.groups.authentication import AUTH
from txsmtpx.command.groups.backend_choice import TEE, chosen_backend
from txsmtpx.command.groups.encryption import described
from txsmtpx.command.groups.mail_policy import LIMIT, REWRITE, REWRITE_SENDER
from txsmtpx.command.groups.queueing import queue_of
from txsmtpx.command.groups.relaying import relay_of
from txsmtpx.command.groups.web_inbox import SITE as INBOX
from txsmtpx.command.groups.web_inbox import WEB_PORT
from txsmtpx.command.groups.web_pop3 import POP3_PORT
from txsmtpx.command.groups.web_queue import QUEUE_PORT
from txsmtpx.command.groups.web_queue import SITE as QUEUE
from txsmtpx.command.port import Port
from txsmtpx.command.process import Listener, Process
from txsmtpx.logins.dovecot_exchange import IDovecotLogin
from txsmtpx.sasl.mechanisms import ChangingMechanisms
from txsmtpx.web.web_names import web_path

_NUMBERED = re.compile(r"tcp:([0-9]+)")
_LOOPBACK = re.compile(r"tcp:([0-9]+):interface=127\.0\.0\.1")

_SITES = {
    "web": ("web inbox", "http", "/", "read and delete the mail"),
    "web-pop3": ("POP3", "pop3", "", "read and delete the mail"),
    "queue-web": ("queue", "http", "/", "read and delete the mail of the queue"),
    "metrics": ("metrics", "http", "/metrics", "read the metrics"),
}
"""The sites, by the option of their port: the name, the scheme, the path, and what a client can do."""

_OPTIONS = {WEB_PORT.name: INBOX, QUEUE_PORT.name: QUEUE}
"""The options of those sites that have more than a port."""

_DOMAINS = 3
"""Domains of a relay that a line names."""


def startup_lines(process: Process) -> Iterator[str]:
    """
    Describe what runs.

    Args:
        process: The process, whose ports are open.

    Yields:
        A line for each port.  For each listener, a line about its backend, its limits, filters and tables, its
        certificate and its logins.
    """
    for listener in process.listeners:
        name = f"listener {listener.name}: " if listener.name else ""
        for line in _listener(listener):
            yield name + line
    for port, _ in process.sites:
        options = _OPTIONS.get(port.option)
        path = web_path(process.values[options.path]) if options is not None else ""
        login = INBOX if port.option == POP3_PORT.name else options
        yield _site(port, path, login is not None and bool(process.values[login.auth]))


def _listener(listener: Listener) -> Iterator[str]:
    for port in listener.ports:
        yield f"{_protocol(listener, port)} listening on {port.place}{_reach(port, _clients(listener))}"
    tee = listener.values[TEE]
    yield f"backend: {chosen_backend(listener.values).text}{'' if tee is None else f', copies: {tee.text}'}"
    for option in (LIMIT, FILTER, REWRITE, REWRITE_SENDER):
        if listener.values[option]:
            yield f"{option.name}: {option.shown(listener.values[option])}"
    yield f"TLS: {_tls(listener)}"
    yield f"logins: {_logins(listener)}"


def _protocol(listener: Listener, port: Port) -> str:
    settings = listener.factory.settings
    name = "LMTP" if settings.lmtp else "ESMTP submission" if settings.require_auth else "ESMTP"
    behind = " with PROXY headers" if port.description.startswith("haproxy:") else ""
    return name + (" in TLS" if port.in_tls else "") + behind


def _reach(port: Port, clients: str) -> str:
    """Return the clients that can reach a port, and the option that changes that."""
    if port.host is None:
        return ""
    if port.is_local:
        found = _LOOPBACK.fullmatch(port.description)
        other = found and (f"tcp:{found[1]}" if port.option in _SITES else found[1])
        return ": this host only" + (f" (for all interfaces: --{port.option} {other})" if other else "")
    found = _NUMBERED.fullmatch(port.description)
    other = found and (found[1] if port.option in _SITES else f"{found[0]}:interface=127.0.0.1")
    return f": {clients}" + (f" (for this host only: --{port.option} {other})" if other else "")


def _clients(listener: Listener) -> str:
    relay = relay_of(listener.chosen_backend) or queue_of(listener.chosen_backend)
    if listener.factory.settings.require_auth or (relay is not None and not relay.domains):
        return "anyone who can reach it and log in can send"
    if relay is None:
        return "anyone who can reach it can send"
    names = sorted(relay.domains)
    return f"anyone who can reach it can send to {', '.join(names[:_DOMAINS])}{', ...' if names[_DOMAINS:] else ''}"


def _tls(listener: Listener) -> str:
    in_tls = {port.in_tls for port in listener.ports}
    if listener.certificate is None:
        if True in in_tls:
            return "from the first octet, with the certificate of the endpoint"
        return "none (--tls-certificate or --tls-self-signed adds it)"
    modes = {False: "STARTTLS", True: "from the first octet"}
    required = ", required before mail" if listener.factory.settings.require_tls else ""
    found = described(listener.values, listener.certificate)
    return f"{' and '.join(modes[each] for each in sorted(in_tls))}{required}, with {found}"


def _logins(listener: Listener) -> str:
    settings = listener.factory.settings
    if not settings.mechanisms:
        return "none (--auth adds them)"
    types = [each.partition(":")[0] for each in listener.values[AUTH]]
    accepted = "any name and password" if types == ["any"] else ", ".join(types) or "those of the backend"
    names = " ".join(each.name for each in settings.mechanisms if each.credential_interface is not IDovecotLogin)
    if isinstance(settings.mechanisms, ChangingMechanisms):  # Dovecot's own are not known yet
        names = " and ".join(filter(None, ["the mechanisms of Dovecot", names]))
    required = "required" if settings.require_auth else "optional"
    if settings.allow_insecure_auth:
        where = "with and without TLS"
    elif not listener.has_tls:
        where = "not offered without TLS: add --tls-certificate, --tls-self-signed or --allow-insecure-auth"
    else:
        where = "in TLS only"
    return f"{accepted}, by {names}, {required}, {where}"


def _site(port: Port, parent: str, has_login: bool) -> str:
    name, scheme, path, doing = _SITES[port.option]
    if port.host is None:
        return f"{name}: {'on' if scheme == 'pop3' else 'HTTP on'} {port.place}"
    host = "localhost" if port.is_for_all else f"[{port.host}]" if ":" in port.host else port.host
    url = f"{scheme}{'s' if port.in_tls else ''}://{host}:{port.number}{parent}{path}"
    where = ", on all interfaces" if port.is_for_all else ""
    clients = "anyone who can reach it and log in" if has_login else "anyone who can reach it"
    if port.option == POP3_PORT.name and not has_login:
        clients = "anyone on this host (add --web-auth for clients of other hosts)"
    return f"{name}: {url}{where}{_reach(port, f'{clients} can {doing}')}"
