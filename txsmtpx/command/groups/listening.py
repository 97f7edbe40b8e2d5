"""
Where a server listens, and what it calls itself.
"""

from __future__ import annotations

import os
import re
import socket
from typing import Any

from twisted.internet.endpoints import serverFromString

from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import DOMAIN, FLAG, Kind, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.grammar import asciitext
from txsmtpx.wire.description import fault

DEFAULT_PORT = "tcp:1025:interface=127.0.0.1"


def _description(text: str) -> str:
    return f"tcp:{text}" if asciitext.is_number(text) else text


ENDPOINT = Kind("ENDPOINT", (str, int), _description)
"""A server endpoint string; a number is a TCP port."""

OPTIONS = (
    Option("port", ENDPOINT, "A port number or any server endpoint string", [DEFAULT_PORT], "p", repeated=True),
    Option("lmtp", FLAG, "Speak LMTP.", False),
    Option("domain", DOMAIN, "The name of this server [default: the host's]."),
)


def _apply(values: Values, listener: Listener) -> None:
    if values.said("port") or not values["tls-port"]:
        listener.ports = values["port"]
        listener.endpoints = [endpoint(listener.reactor, "port", each) for each in values["port"]]
    listener.settings["lmtp"] = values["lmtp"]
    listener.settings["domain"] = values["domain"] or socket.gethostname()


def endpoint(reactor: Any, option: str, description: str) -> Any:
    """
    The server endpoint that ``option`` describes.

    Raises:
        OptionError: None.
    """
    try:
        made = serverFromString(reactor, description)
        _check_certificates(description)
    except Exception as error:  # each endpoint parser has its own
        raise OptionError(option, f"{description}: {fault(error)}") from error
    return made


_DIRECTORY = re.compile(r"(?:haproxy:)?(?:tls|txsni):(?:path=)?((?:\\.|[^:\\])*)")


def _check_certificates(description: str) -> None:
    """
    Look into the directory of an endpoint that reads one when clients come.

    Raises:
        OSError: It cannot be read.
        ValueError: No certificates are in it.
    """
    if found := _DIRECTORY.match(description):
        directory = re.sub(r"\\(.)", r"\1", found[1])
        if not any(name.endswith(".pem") for name in os.listdir(directory)):
            raise ValueError(f"no certificates in {directory}")


LISTENING = Group("Listening", OPTIONS, _apply)
