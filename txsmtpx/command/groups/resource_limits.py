"""Limits on size and number, and time-outs."""

from __future__ import annotations

from txsmtpx.command.group import Group
from txsmtpx.command.option import Values, option_of
from txsmtpx.command.process import Listener
from txsmtpx.dialog import settings as of_dialog
from txsmtpx.wire import server_settings as of_wire

SHUTDOWN_TIMEOUT = option_of(of_wire.SHUTDOWN_TIMEOUT)


def _stop(values: Values, listener: Listener) -> None:
    listener.shutdown_timeout = values[SHUTDOWN_TIMEOUT]


LIMITS = Group(
    "Limits",
    "Limits on messages, recipients, errors and connections.",
    (
        option_of(of_dialog.MAX_MESSAGE_BYTES),
        option_of(of_dialog.MAX_RECIPIENTS),
        option_of(of_dialog.MAX_TRANSACTIONS),
        option_of(of_dialog.MAX_RECIPIENT_DOMAINS),
        option_of(of_dialog.MAX_ERRORS),
        option_of(of_wire.MAX_CONNECTIONS),
        option_of(of_wire.MAX_CONNECTIONS_PER_HOST),
    ),
)

TIMEOUTS = Group(
    "Time-outs",
    "Time-outs for clients, for the backend, and for the end of the server.",
    (
        option_of(of_wire.READ_TIMEOUT),
        option_of(of_wire.WRITE_TIMEOUT),
        option_of(of_wire.MESSAGE_TIMEOUT),
        option_of(of_dialog.DELIVERY_TIMEOUT),
        option_of(of_wire.GREETING_DELAY),
        SHUTDOWN_TIMEOUT,
    ),
    _stop,
)
