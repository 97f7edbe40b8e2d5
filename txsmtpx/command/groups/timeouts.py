"""
How long everything may take.
"""

from __future__ import annotations

from txsmtpx.command.group import Group, pass_on
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import SECONDS, Option
from txsmtpx.command.values import Values

OF_FACTORY = (
    Option("read-timeout", SECONDS, "Seconds to wait for the peer.", 300),
    Option("write-timeout", SECONDS, "Seconds to wait for a peer that does not read.", 300),
    Option("message-timeout", SECONDS, "Seconds a message may take to come.", 3600),
    Option("delivery-timeout", SECONDS, "Seconds the backend may take after the end of a message.", 300),
    Option("greeting-delay", SECONDS, "Seconds before the greeting; who speaks before it is sent away.", 0),
)
SHUTDOWN = Option("shutdown-timeout", SECONDS, "Seconds that open transactions are given on exit.", 30)


def _apply(values: Values, listener: Listener) -> None:
    pass_on(values, listener, OF_FACTORY)
    listener.shutdown_timeout = values["shutdown-timeout"]


TIMEOUTS = Group("Time-outs", (*OF_FACTORY, SHUTDOWN), _apply)
