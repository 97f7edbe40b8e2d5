"""The log, and counters for Prometheus; docs/logs.md and docs/operations.md describe them."""

from __future__ import annotations

from typing import Literal, cast

from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import port_of
from txsmtpx.command.groups.queueing import measured_queues
from txsmtpx.command.kind import FLAG, LOOPBACK_ENDPOINT, Kind, one_of
from txsmtpx.command.option import Option, Values, option, option_of
from txsmtpx.command.process import Listener, Process
from txsmtpx.observers.transaction_log import TransactionLog
from txsmtpx.wire import server_settings as of_wire

_WHICH: Kind[Literal["all", "refused", "none"]] = one_of("all", "refused", "none")
TRANSACTIONS: Option[Literal["all", "refused", "none"]] = Option(
    "log-transactions", _WHICH, "Log a line for each transaction, for each with a rejection, or for none.", "all"
)
FORMAT = option("log-format", one_of("text", "json"), "Write the log in this form.", "text", about="process")
METRICS_PORT = option(
    "metrics",
    LOOPBACK_ENDPOINT,
    "Serve counters for Prometheus at /metrics on this endpoint.  A number is a port of the loopback interface; "
    "tcp:9125 listens on all interfaces.",
    None,
    about="process",
)


def _watch(values: Values, listener: Listener) -> None:
    which = values[TRANSACTIONS]
    if which != "none":
        listener.observers.append(TransactionLog(which, listener.name))


def _form(values: Values, process: Process) -> None:
    process.log_format = values[FORMAT]


def _count(values: Values, process: Process) -> None:
    description = values[METRICS_PORT]
    if description is None:
        return
    try:
        from txsmtpx.observers.metrics_service import IMetricsReactor, MetricsService
    except ImportError as error:
        text = f"the extra txsmtpx[metrics] is not installed ({error}); pip install prometheus-client"
        raise METRICS_PORT.fault(description, text) from error
    for listener in process.listeners:
        listener.observers.append(listener.figures)
        process.figures.append(listener.figures)
        process.figures += measured_queues(listener)
    unshared = process.reactor.unshared
    port = port_of(values, unshared, METRICS_PORT, description)
    reactor = cast(IMetricsReactor, unshared)  # which passes on what it has not
    process.metrics = MetricsService(lambda: process.figures_of(), description, reactor)
    process.add_site(port, process.metrics)


LOGGING = Group("Logs", "Lines of the log.", (option_of(of_wire.TRANSCRIPT, FLAG), TRANSACTIONS), _watch, always=True)
LOG_FILE = Group("Log file", "The form of the log.", (FORMAT,), for_process=_form, always=True)
METRICS = Group("Metrics", "Counters for Prometheus.", (METRICS_PORT,), for_process=_count)
