"""The options of the TLS of a queue to the exchangers of domains."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING, cast

from txsmtpx.command.kind import FILE, Kind
from txsmtpx.command.option import Option, Values, option, repeated
from txsmtpx.interfaces import Reactor

if TYPE_CHECKING:
    from txsmtpx.mx_tls.mx_security import MXSecurity
    from txsmtpx.mx_tls.tls_policy_table import TLSPolicy
    from txsmtpx.wire.system_resolver import SystemResolver

DNS_PORT = 53
_SERVER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?")


def _policy(text: str) -> TLSPolicy:
    from txsmtpx.mx_tls.tls_policy_table import TLSPolicy

    return TLSPolicy.parsed(text)


def _server(text: str) -> tuple[str, int]:
    """
    Return the address and the port of a name server.

    Returns:
        Both.

    Raises:
        ValueError: It is neither an address nor an address with a port.
    """
    match = _SERVER.fullmatch(text)
    host, port = (match[1] or match[2], match[3] or str(DNS_PORT)) if match else (text, str(DNS_PORT))
    try:
        address = str(ipaddress.ip_address(host))
        if not 0 < int(port) < 65536:
            raise ValueError
    except ValueError:
        hint = "write an IP address, such as 127.0.0.1, or one with a port, such as 127.0.0.1:5353 or [::1]:5353"
        raise ValueError(f"{text!r} is no name server; {hint}") from None
    return address, int(port)


def _shown(server: object) -> str:
    """Return a name server as the operator writes it."""
    host, port = cast("tuple[str, int]", server)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


TLS_POLICY = repeated(
    "tls-policy",
    Kind("DOMAIN=LEVEL", (str,), _policy),
    "Set the TLS to the exchangers of a domain: auto, none, may, encrypt, verify, secure, dane or dane-only.  DOMAIN "
    "is example.org, .example.org for the domains below it, or * for all others.  The names of certificates may "
    "follow: example.org=secure:.example.net.",
)
STS_CACHE: Option[str | None] = option(
    "mta-sts-cache",
    FILE,
    "Keep MTA-STS policies in this directory.  The default is PATH-mta-sts for queue:sqlite:PATH, otherwise memory.",
    None,
)
TLSRPT: Option[str | None] = option(
    "tlsrpt-socket", FILE, "Report each connection to an exchanger to tlsrpt-collectd at this UNIX socket.", None
)
DNS: Option[tuple[str, int] | None] = option(
    "queue-dns",
    Kind("NAMESERVER", (str,), _server, _shown),
    "Ask this name server for exchangers, instead of those in /etc/resolv.conf; its port may follow.  DANE needs one "
    "on this machine that validates by DNSSEC.",
    None,
)

OPTIONS: tuple[Option[object], ...] = (TLS_POLICY, STS_CACHE, TLSRPT, DNS)


def resolver_of(values: Values, reactor: Reactor) -> SystemResolver | None:
    """
    Return the resolver that looks up exchangers.

    Args:
        values: The values of the options.
        reactor: The reactor.

    Returns:
        The resolver; None for that of the system.
    """
    server = values[DNS]
    if server is None:
        return None
    from txsmtpx.wire.system_resolver import Configuration, SystemResolver

    return SystemResolver(reactor, Configuration([server]))  # type: ignore[arg-type]  # the reactor has sockets too


def security_of(values: Values, store: object, reactor: Reactor) -> MXSecurity:
    """
    Return what decides about TLS to exchangers.

    Args:
        values: The values of the options.
        store: The store of the queue.
        reactor: The reactor.

    Returns:
        The decisions.

    Raises:
        OptionError: There are two policies for a domain, or the directory cannot be used, or treq is missing.
    """
    from txsmtpx.mx_tls.mx_security import default_security
    from txsmtpx.mx_tls.tlsrpt_collector import TLSRPTCollector

    policies = values[TLS_POLICY]
    for at, policy in enumerate(policies):
        if any(policy.domain == before.domain for before in policies[:at]):
            raise TLS_POLICY.fault(policy, f"there are two policies for {policy.domain}; leave one out")
    given = values[STS_CACHE]
    directory = given or (f"{path}-mta-sts" if (path := getattr(store, "path", None)) else None)
    if given is not None:
        parent = os.path.dirname(os.path.abspath(given))
        if not os.path.isdir(given) and (os.path.exists(given) or not os.path.isdir(parent)):
            text = "is no directory" if os.path.exists(given) else f"there is no directory {parent}; create it"
            raise STS_CACHE.fault(given, text)
    socket = values[TLSRPT]
    reporters = [] if socket is None else [TLSRPTCollector(socket)]
    return default_security(reactor, policies, directory, reporters)
