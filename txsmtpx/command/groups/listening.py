"""Where the options come from, where a server listens, and what it offers to clients and to proxies."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_network
from typing import cast

from txsmtpx.command.group import Group
from txsmtpx.command.kind import DOMAIN, ENDPOINT, FILE, FLAG, Kind
from txsmtpx.command.option import Option, Values, option, option_of, repeated
from txsmtpx.command.port import Port
from txsmtpx.command.process import Listener
from txsmtpx.command.server_endpoint import server_endpoint
from txsmtpx.command.sockets import Sockets
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.dialog.extension import Extension, supported_by
from txsmtpx.extensions import registry
from txsmtpx.grammar import asciitext
from txsmtpx.grammar.host import plain_network
from txsmtpx.setting import did_you_mean
from txsmtpx.wire import server_settings as of_wire
from txsmtpx.wire.implicit_tls import ImplicitTLSEndpoint
from txsmtpx.wire.server_certificate import Certificate

DEFAULT_PORT = "tcp:1025:interface=127.0.0.1"


def _network(text: str) -> str:
    try:
        plain_network(text)
    except ValueError:
        raise ValueError(f"must be a network, such as 10.0.0.0/8, not {text!r}{_repaired(text)}") from None
    return text


def _repaired(text: str) -> str:
    """Return the network of an address with a prefix, as the end of an error; "" if there is none."""
    try:
        return f"; write {ip_network(text, strict=False)}"
    except ValueError:
        return ""


def extension(text: str) -> Extension:
    """
    Return the extension of a keyword.

    Args:
        text: The keyword.

    Returns:
        The extension.

    Raises:
        ValueError: There is none.  The text has the keyword that is nearest.
    """
    try:
        return registry.extension_named(text)
    except ValueError as error:
        known = [str(each.keyword) for each in registry.EXTENSIONS if each.keyword]
        near = did_you_mean(asciitext.upper(text), known)
        raise ValueError(f"must be the keyword of an extension, such as DSN, not {text!r}{near}") from error


CONFIG = option(
    "config",
    FILE,
    "Read options from a TOML file, for one listener or several.",
    None,
    short="c",
    about="command line",
)
CHECK = option(
    "check",
    FLAG,
    "Print what would run, or each error with its line in the file, and exit.",
    False,
    about="command line",
)
PORT = repeated(
    "port",
    ENDPOINT,
    "Listen on a port number of all interfaces, or on a server endpoint string. Only this host can reach "
    "tcp:1025:interface=127.0.0.1.",
    (DEFAULT_PORT,),
    short="p",
)
NAME: Option[str | None] = Option(
    "domain",
    DOMAIN,
    f"{of_dialog.DOMAIN.help} [default: the name of the host]",
    None,
    setting=of_dialog.DOMAIN,
)
EXTENSION = repeated(
    "extension",
    Kind("KEYWORD", (str,), extension, lambda extension: str(cast(Extension, extension).keyword)),
    "Offer an extension, such as DSN, that the backend implements but does not declare.",
    setting=of_wire.EXTENSIONS,
)
NETWORK = Kind("NETWORK", (str,), _network)
TRUSTED_NETWORK = repeated(
    "trusted-network",
    NETWORK,
    "Obey XCLIENT and XFORWARD from the proxies of a network, such as 10.0.0.0/8.",
    setting=of_wire.TRUSTED_NETWORKS,
)


def _listen(values: Values, listener: Listener) -> None:
    if values[NAME] is None:
        listener.settings["domain"] = socket.gethostname()
    listener.ports += [port_of(values, listener.reactor, PORT, each) for each in values[PORT]]


def _offer(values: Values, listener: Listener) -> None:
    if values[EXTENSION]:
        declared = supported_by(listener.backend)
        listener.settings["extensions"] = registry.offered_with({*declared, *values[EXTENSION]})
    else:
        listener.settings["extensions"] = None  # a file may give an empty list


def port_of(
    values: Values,
    reactor: Sockets,
    option: Option[object],
    description: str,
    certificate: Certificate | None = None,
) -> Port:
    """
    Create a port.

    Args:
        values: The values of the options.
        reactor: The reactor on which it listens.
        option: The option that describes it.
        description: The endpoint string.
        certificate: The certificate for TLS from the first octet; None if the endpoint decides.

    Returns:
        The port.

    Raises:
        OptionError: The description cannot be used.
    """
    try:
        made = server_endpoint(reactor, description)
    except ValueError as error:
        raise option.fault(description, str(error)) from error
    if certificate is not None:
        made = ImplicitTLSEndpoint(made, certificate)
    in_tls = certificate is not None or _TLS.match(description) is not None
    return Port(option.name, f"{values.named(option.name)} {description}", description, made, reactor, in_tls)


_TLS = re.compile(r"(?:haproxy:)?(?:ssl|tls|txsni):")
CONFIGURATION = Group(
    "Configuration", "Where options come from besides the command line, and a check of them.", (CONFIG, CHECK)
)
LISTENING = Group(
    "Listening",
    "The ports and the name of a server.",
    (PORT, option_of(of_dialog.LMTP), NAME),
    _listen,
    always=True,
)
PROTOCOL = Group(
    "Protocol",
    "The extensions that a server offers, its greeting, and line ends.",
    (EXTENSION, option_of(of_dialog.IDENT), option_of(of_dialog.BARE_NEWLINES)),
    _offer,
)
PROXIES = Group("Proxies", "Proxies that name their clients by XCLIENT and XFORWARD.", (TRUSTED_NETWORK,))
