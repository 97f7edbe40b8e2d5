"""
Proxies that speak for others by XCLIENT and XFORWARD.
"""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import Kind, Option
from txsmtpx.command.values import Values
from txsmtpx.grammar.host import plain_network


def _network(text: str) -> str:
    try:
        plain_network(text)
    except ValueError as error:
        raise ValueError(f"takes a network, such as 10.0.0.0/8: {error}") from error
    return text


OPTIONS = (
    Option(
        "trusted-network",
        Kind("NETWORK", (str,), _network),
        "A network, such as 10.0.0.0/8, whose XCLIENT and XFORWARD are believed",
        repeated=True,
    ),
)


def _apply(values: Values, listener: Listener) -> None:
    listener.settings["trusted_networks"] = values["trusted-network"]


PROXIES = Group("Proxies", OPTIONS, _apply)
