"""
What stands in the log, and in which form; docs/logs.md describes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.command.group import Group, pass_on
from txsmtpx.command.listener import Listener
from txsmtpx.command.option import FLAG, Option, one_of
from txsmtpx.command.values import Values
from txsmtpx.observers.transaction_log import TransactionLog

if TYPE_CHECKING:
    from txsmtpx.command.process import Process

TRANSCRIPT = Option("transcript", FLAG, "Log every line both ways, credentials blacked out.", False)
TRANSACTIONS = Option(
    "log-transactions", one_of("all", "refused", "none"), "Which transactions get a line in the log.", "all"
)
FORMAT = Option("log-format", one_of("text", "json"), "The form of each line of the log.", "text")


def _watch(values: Values, listener: Listener) -> None:
    pass_on(values, listener, (TRANSCRIPT,))
    if values["log-transactions"] != "none":
        listener.observers.append(TransactionLog(values["log-transactions"], listener.name))


def _form(values: Values, process: Process) -> None:
    process.log_format = values["log-format"]


LOGGING = Group("Logs", (TRANSCRIPT, TRANSACTIONS), _watch)
LOG_FILE = Group("Log file", (FORMAT,), for_process=_form)
