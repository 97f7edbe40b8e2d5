"""Server endpoint strings of options, and the faults of one, in the words of an operator."""

from __future__ import annotations

import os
import re

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.plugin import getPlugins

from txsmtpx.setting import did_you_mean
from txsmtpx.wire.description import fault

SYNTAX = {
    "tcp": "tcp:PORT, such as tcp:1025, or tcp:1025:interface=127.0.0.1 for this host only",
    "tcp6": r"tcp6:PORT, such as tcp6:1025, or tcp6:1025:interface=\:\:1 for this host only",
    "unix": "unix:PATH, such as unix:/run/mail.sock, or unix:/run/mail.sock:mode=660",
    "ssl": "ssl:PORT:privateKey=FILE:certKey=FILE",
    "tls": "tls:DIRECTORY:PORT",
    "txsni": "txsni:DIRECTORY:tcp:PORT",
    "haproxy": "haproxy: and another endpoint, such as haproxy:tcp:2525:interface=127.0.0.1",
    "systemd": "systemd:domain=INET:index=0, or systemd:domain=INET:name=NAME",
}
"""How to write each kind of endpoint."""

_GENERAL = "a port number, such as 1025, or an endpoint, such as tcp:1025:interface=127.0.0.1 or unix:/run/mail.sock"

_KIND = re.compile(r"(?:haproxy:)?([\w-]*)(?::|$)", re.ASCII)
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:=]+\.[^:=]+|localhost):([0-9]+)")
_NUMBER = re.compile(r"-?[0-9]+")


def server_endpoint(reactor: object, description: str) -> IStreamServerEndpoint:
    """
    Create a server endpoint.

    Args:
        reactor: The reactor on which it listens.
        description: The endpoint string.

    Returns:
        The endpoint.

    Raises:
        ValueError: The description cannot be used.  The text has what is wrong, and how to write it.

    Example:
        >>> server_endpoint(None, "unix")
        Traceback (most recent call last):
        ValueError: missing: address; write unix:PATH, such as unix:/run/mail.sock, or unix:/run/mail.sock:mode=660
    """
    try:
        made: IStreamServerEndpoint = serverFromString(reactor, description)
        _check_path(description)
        _check_certificates(description)
    except Exception as error:  # each parser of endpoint strings raises errors of its own
        raise ValueError(_explained(description, error)) from error
    return made


def _explained(description: str, error: Exception) -> str:
    match = _KIND.match(description)
    kind = match[1] if match else ""
    if description.rstrip(":") == "haproxy":
        return f"an endpoint is missing; write {SYNTAX['haproxy']}"
    if kind in SYNTAX:
        return f"{_fault(description, error)}; write {SYNTAX[kind]}"
    if match and any(kind == plugin.prefix for plugin in getPlugins(IStreamServerEndpointStringParser)):
        return _fault(description, error)
    if not description:
        return f"it is empty; write {_GENERAL}"
    inner = description.removeprefix("haproxy:")
    if _NUMBER.fullmatch(inner):
        hint = "" if inner == description else f"; write haproxy:tcp:{inner}"
        return f"a port is a number from 0 to 65535{hint}"
    if found := _HOST_AND_PORT.fullmatch(inner):
        return f"{found[1]!r} is no kind of endpoint; write {_with_interface(found[1], found[2])}"
    if not kind:
        return f"it is no endpoint; write {_GENERAL}"
    return f"{kind!r} is no kind of endpoint{did_you_mean(kind, SYNTAX) or ';'} write {_GENERAL}"


def _with_interface(host: str, port: str) -> str:
    """Return the endpoint string for a host and a port that were written with a colon between."""
    if host.startswith("["):
        return f"tcp6:{port}:interface={host[1:-1].replace(':', chr(92) + ':')}"
    return f"tcp:{port}:interface={host}"


def _fault(description: str, error: Exception) -> str:
    if isinstance(error, AttributeError):  # of a module, for a value such as that of sslmethod
        return "it has a value that there is not"
    if re.search(r"=[0-9a-fA-F]*::", description):
        return r"the colons of an address need backslashes: \:\:1"
    return fault(error).removesuffix(".")


_DIRECTORY = re.compile(r"(?:haproxy:)?(?:tls|txsni):(?:path=)?((?:\\.|[^:\\])*)")


def _check_path(description: str) -> None:
    """
    Check that the endpoint of a UNIX socket has a path.

    Raises:
        ValueError: It has none.
    """
    if re.fullmatch(r"(?:haproxy:)?unix:(?::.*)?", description):
        raise ValueError("missing: address")


def _check_certificates(description: str) -> None:
    """
    Look into the directory of an endpoint that reads certificates when clients connect.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no certificates.
    """
    if found := _DIRECTORY.match(description):
        directory = re.sub(r"\\(.)", r"\1", found[1])
        if not any(name.endswith(".pem") for name in os.listdir(directory)):
            raise ValueError(f"no certificates in {directory}")
