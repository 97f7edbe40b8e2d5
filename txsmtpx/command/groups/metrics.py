"""
Figures for Prometheus; docs/operations.md describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsmtpx.command.group import Group
from txsmtpx.command.groups.listening import endpoint
from txsmtpx.command.option import Kind, Option, OptionError
from txsmtpx.command.values import Values
from txsmtpx.grammar import asciitext
from txsmtpx.observers.metrics_observer import MetricsObserver

if TYPE_CHECKING:
    from txsmtpx.command.process import Process


def _description(text: str) -> str:
    """A number is a port of the loopback interface: figures are not for everybody."""
    return f"tcp:{text}:interface=127.0.0.1" if asciitext.is_number(text) else text


METRICS_OPTION = Option(
    "metrics",
    Kind("ENDPOINT", (str, int), _description),
    "Where Prometheus finds figures, at /metrics; a number is a port of the loopback interface.",
)


def _apply(values: Values, process: Process) -> None:
    if values["metrics"] is None:
        return
    try:
        from txsmtpx.observers.metrics_service import MetricsService
    except ImportError as error:
        raise OptionError("metrics", f"needs the extra txsmtpx[metrics]: {error}") from error
    for listener in process.listeners:
        figures = MetricsObserver(listener.name)
        listener.observers.append(figures)
        process.figures.append(figures)
    endpoint(process.reactor, "metrics", values["metrics"])  # which says what is wrong with it
    process.metrics = MetricsService(lambda: process.figures_of(), values["metrics"], process.reactor.unshared)


METRICS = Group("Metrics", (METRICS_OPTION,), for_process=_apply)
