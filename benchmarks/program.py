"""A program that is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """
    Attributes:
        command: Makes the command: for a server from its TCP port on 127.0.0.1 and None, or a PEM file with certificate
            and key, for TLS from the start; for a client from the port, the file of the message, and how many
            recipients it goes to.
        missing: What it lacks here, "" if nothing.
        version: What is measured.
        tls: Whether it can.
        processes: Those that share the port of a server, each of which says that it is ready.
        load: Options that the load generator needs for it.
        lasting: A client that sends as often as it is told to; one that is not has ``{messages}`` in its command.
    """

    name: str
    command: Callable[..., list[str]]
    missing: Callable[[], str]
    version: Callable[[], str]
    tls: bool = True
    processes: int = 1
    load: str = ""
    lasting: bool = True


class Refused(Exception):
    """It does not do what it is measured at."""


class NotOffered(Exception):
    """It does not say that it can do what it is measured at."""
