"""
Count what happens on a server.

The counts are numbers in dicts, so that an event costs little.  Only `MetricsObserver.export` puts labels to them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, get_args

from twisted.python.failure import Failure
from zope.interface import implementer

from txsmtpx.dialog.observer import Observer
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import (
    BackendCall,
    BackendOutcome,
    BackendStage,
    Connection,
    FilterEvent,
    IBackendObserver,
    Summary,
)
from txsmtpx.observers.metric_families import (
    BACKEND,
    CALL_SECONDS,
    CALLS_IN_FLIGHT,
    COMMANDS,
    CONNECTIONS,
    FAMILIES,
    FILTER_SECONDS,
    FILTER_VERDICTS,
    MESSAGE_OCTETS,
    MESSAGES,
    OPEN_CONNECTIONS,
    OUTCOMES,
    RECIPIENTS,
    REPLIES,
    SIZE,
    TLS_HANDSHAKES,
    TRANSACTIONS,
    MetricFamily,
)

MetricValue = float | list[float]
"""A number.  For a histogram, a list: the number of values in each bucket, and the sum of all values."""

Sample = tuple[list[str], MetricValue]
"""The values of the labels, of which ``listener`` is the first, and the value of the metric."""

MetricsSnapshot = dict[str, list[Sample]]
"""The samples of each metric at one moment, by `MetricFamily.name`.  JSON can hold it."""


class MetricsSource(Protocol):
    """An object with metrics."""

    def export(self) -> MetricsSnapshot:
        """
        Return all counts.

        Returns:
            The samples of each metric.
        """


class Histogram:
    """
    Count values by size.  `MetricsObserver` creates one for each histogram.

    Attributes:
        counts: The number of values in each bucket.  The last one has the values above all bounds.
        sum: The sum of all values.

    Args:
        bounds: The upper bounds of the buckets, in ascending order.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts: list[int] = [0] * (len(bounds) + 1)
        self.sum: float = 0.0

    def add(self, value: float) -> None:
        """
        Count a value.

        Args:
            value: The value.
        """
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def export(self) -> list[float]:
        """
        Return the histogram as one value.

        Returns:
            The numbers in the buckets, and the sum.
        """
        return [*self.counts, self.sum]


@implementer(IBackendObserver)
class MetricsObserver(Observer):
    """
    Count what happens on one server, and in the backends that `txsmtpx.MeasuredBackend` measures for it.

    ``twistd smtpx --metrics`` creates one for each listener.

    Args:
        listener: The name of the server, for the label ``listener``.

    Example:
        >>> from txsmtpx import MemoryBackend, SMTPServerFactory
        >>> metrics = MetricsObserver()
        >>> factory = SMTPServerFactory(MemoryBackend(), observers=[metrics])
        >>> metrics.export()["connections"]
        [([''], 0)]
    """

    def __init__(self, listener: str = "") -> None:
        self._listener = listener
        self._connections = 0
        self._open: dict[str, int] = defaultdict(int, none=0)
        self._handshakes: dict[str, int] = defaultdict(int)
        self._commands: dict[str, int] = defaultdict(int)
        self._replies: dict[int, int] = defaultdict(int)
        # If all values of a label are known, the counts begin at 0: Prometheus computes a rate from two values.
        self._ends = dict.fromkeys(("answered", "reset", "closed"), 0)
        self._messages = dict.fromkeys(("taken", "deferred", "refused"), 0)
        self._octets = dict.fromkeys(("taken", "deferred", "refused"), 0)
        self._recipients: dict[int, int] = defaultdict(int)
        self._sizes = Histogram(SIZE.buckets)
        self._backend = Histogram(BACKEND.buckets)
        self._verdicts: dict[tuple[str, str, str], int] = defaultdict(int)
        self._seconds: dict[tuple[str, str], Histogram] = defaultdict(lambda: Histogram(FILTER_SECONDS.buckets))
        self._in_flight: dict[tuple[str, str], int] = {}
        self._outcomes: dict[tuple[str, str, str], int] = {}
        self._call_seconds: dict[tuple[str, str], Histogram] = {}

    def connected(self, connection: Connection) -> None:
        """
        Count a connection, without TLS until `secured`.

        Args:
            connection: The connection.
        """
        self._connections += 1
        self._open["none"] += 1

    def secured(self, connection: Connection) -> None:
        """
        Count a TLS handshake.

        Args:
            connection: The connection, which has the TLS version.
        """
        version = _version(connection)
        self._handshakes[version] += 1
        self._open["none"] -= 1
        self._open[version] += 1

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """
        Count a connection as closed.

        Args:
            connection: The connection.
            reason: Why it was closed, which is not counted.
        """
        self._open[_version(connection)] -= 1

    def commanded(self, connection: Connection, verb: str) -> None:
        """
        Count a command.

        Args:
            connection: The connection.
            verb: The verb, "" for a command that the server does not have.
        """
        self._commands[verb or "other"] += 1

    def replied(self, connection: Connection, reply: Reply) -> None:
        """
        Count a reply.

        Args:
            connection: The connection.
            reply: The reply.
        """
        self._replies[reply.code] += 1

    def concluded(self, summary: Summary) -> None:
        """
        Count a transaction, and its message if the message was answered.

        Args:
            summary: The transaction.
        """
        self._ends[summary.end] += 1
        replies = summary.replies
        if not replies:
            return
        classes = {reply.code // 100 for reply in replies}
        outcome = "taken" if 2 in classes else "deferred" if 4 in classes else "refused"
        self._messages[outcome] += 1
        self._octets[outcome] += summary.octets
        self._sizes.add(summary.octets)
        self._backend.add(summary.backend_seconds)
        if summary.outcomes:
            for reply in summary.outcomes:
                self._recipients[reply.code] += 1
        else:
            self._recipients[replies[0].code] += len(summary.recipients)

    def filtered(self, connection: Connection, event: FilterEvent) -> None:
        """
        Count the verdict of a filter.

        Args:
            connection: The connection.
            event: The verdict.
        """
        self._verdicts[event.filter, event.stage, event.verdict] += 1
        self._seconds[event.filter, event.stage].add(event.seconds)

    def call_began(self, backend: str, stage: BackendStage) -> None:
        """
        Count a call of a backend as in flight.

        Args:
            backend: The name of the backend.
            stage: The method.
        """
        of = backend, stage
        if of not in self._in_flight:
            self._in_flight[of] = 0
            self._call_seconds[of] = Histogram(CALL_SECONDS.buckets)
            self._outcomes |= dict.fromkeys(((*of, outcome) for outcome in get_args(BackendOutcome)), 0)
        self._in_flight[of] += 1

    def call_ended(self, call: BackendCall) -> None:
        """
        Count the outcomes of a call of a backend, which is no longer in flight.

        Args:
            call: The call.
        """
        of = call.backend, call.stage
        self._in_flight[of] -= 1
        self._call_seconds[of].add(call.seconds)
        for outcome in call.outcomes:
            self._outcomes[*of, outcome] += 1

    def export(self) -> MetricsSnapshot:
        """
        Return all counts.

        Returns:
            The samples of each metric.
        """
        found: MetricsSnapshot = {CONNECTIONS.name: [([self._listener], self._connections)]}
        counted: tuple[tuple[MetricFamily, Mapping[str, int] | Mapping[int, int]], ...] = (
            (OPEN_CONNECTIONS, self._open),
            (TLS_HANDSHAKES, self._handshakes),
            (COMMANDS, self._commands),
            (REPLIES, self._replies),
            (TRANSACTIONS, self._ends),
            (MESSAGES, self._messages),
            (MESSAGE_OCTETS, self._octets),
            (RECIPIENTS, self._recipients),
        )
        for family, counts in counted:
            found[family.name] = [([self._listener, str(label)], count) for label, count in counts.items()]
        for family, histogram in ((SIZE, self._sizes), (BACKEND, self._backend)):
            found[family.name] = [([self._listener], histogram.export())]
        for family, by_labels in (
            (FILTER_VERDICTS, self._verdicts), (CALLS_IN_FLIGHT, self._in_flight), (OUTCOMES, self._outcomes)
        ):
            found[family.name] = [([self._listener, *labels], count) for labels, count in by_labels.items()]
        for family, histograms in ((FILTER_SECONDS, self._seconds), (CALL_SECONDS, self._call_seconds)):
            found[family.name] = [([self._listener, *of], each.export()) for of, each in histograms.items()]
        return found


def _version(connection: Connection) -> str:
    return "none" if connection.tls is None else getattr(connection.tls, "version", "unknown")


def summed(exports: Iterable[MetricsSnapshot]) -> MetricsSnapshot:
    """
    Add up the metrics of several servers, of one process or of several.

    Args:
        exports: The metrics of each server.  They may have been sent as JSON.

    Returns:
        One sample for each metric and each combination of labels.
    """
    sums: dict[str, dict[tuple[str, ...], MetricValue]] = {family.name: {} for family in FAMILIES}
    shared = {family.name for family in FAMILIES if family.shared}
    for export in exports:
        for name, samples in export.items():
            for labels, value in samples:
                key = tuple(labels)
                before = sums[name].get(key)
                sums[name][key] = _larger(before, value) if name in shared else _added(before, value)
    return {name: [(list(labels), value) for labels, value in values.items()] for name, values in sums.items()}


def _larger(one: MetricValue | None, other: MetricValue) -> MetricValue:
    """Return the value of a gauge of which each process has its own view."""
    if one is None:
        return other
    assert not isinstance(one, list) and not isinstance(other, list)
    return max(one, other)


def _added(one: MetricValue | None, other: MetricValue) -> MetricValue:
    if one is None:
        return other
    if isinstance(one, list) or isinstance(other, list):
        assert isinstance(one, list) and isinstance(other, list)
        return [a + b for a, b in zip(one, other, strict=True)]
    return one + other


def counters(export: MetricsSnapshot) -> MetricsSnapshot:
    """
    Return the metrics that stay valid after their process has ended.

    Args:
        export: The metrics of a process.

    Returns:
        All metrics except gauges.
    """
    return {family.name: export[family.name] for family in FAMILIES if family.kind != "gauge" and family.name in export}
