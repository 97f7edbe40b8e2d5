"""What happens on a server, counted: plain numbers in dicts, which nobody looks at until somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.python.failure import Failure

from txsmtpx.dialog.observer import Observer
from txsmtpx.grammar.reply import Reply
from txsmtpx.interfaces import Connection, Summary
from txsmtpx.observers.metric_families import (
    BACKEND,
    COMMANDS,
    CONNECTIONS,
    FAMILIES,
    MESSAGE_OCTETS,
    MESSAGES,
    OPEN_CONNECTIONS,
    RECIPIENTS,
    REPLIES,
    SIZE,
    TLS_HANDSHAKES,
    TRANSACTIONS,
)

MetricsSnapshot = dict[str, list[list[Any]]]
"""
Figures as JSON has them: by the name of a `txsmtpx.observers.metric_families.MetricFamily`, a list of [labels, value].

The first label is the listener.  The value of a histogram is a list: how many in each bucket, then the sum.
"""


class Histogram:
    """
    How many of what size.

    Attributes:
        counts: For each bucket, and for what is above all bounds.
        sum: Of all.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class MetricsObserver(Observer):
    """
    Watches one server and counts.

    Args:
        listener: The name of the server.
    """

    def __init__(self, listener: str = "") -> None:
        self._listener = listener
        self._connections = 0
        self._open: dict[str, int] = defaultdict(int, none=0)
        self._handshakes: dict[str, int] = defaultdict(int)
        self._commands: dict[str, int] = defaultdict(int)
        self._replies: dict[int, int] = defaultdict(int)
        # Where all labels are known they begin at 0, since a rate takes two values.
        self._ends = dict.fromkeys(("answered", "reset", "closed"), 0)
        self._messages = dict.fromkeys(("taken", "deferred", "refused"), 0)
        self._octets = dict.fromkeys(("taken", "deferred", "refused"), 0)
        self._recipients: dict[int, int] = defaultdict(int)
        self._sizes = Histogram(SIZE.buckets)
        self._backend = Histogram(BACKEND.buckets)

    def connected(self, connection: Connection) -> None:
        """In the clear, as far as we know."""
        self._connections += 1
        self._open["none"] += 1

    def secured(self, connection: Connection) -> None:
        """It is not in the clear any more."""
        version = _version(connection)
        self._handshakes[version] += 1
        self._open["none"] -= 1
        self._open[version] += 1

    def disconnected(self, connection: Connection, reason: Failure) -> None:
        """It was the one or the other."""
        self._open[_version(connection)] -= 1

    def commanded(self, connection: Connection, verb: str) -> None:
        """By its verb."""
        self._commands[verb or "other"] += 1

    def replied(self, connection: Connection, reply: Reply) -> None:
        """By its code."""
        self._replies[reply.code] += 1

    def concluded(self, summary: Summary) -> None:
        """By its end, and the message by its outcome."""
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

    def export(self) -> MetricsSnapshot:
        """All of it."""
        found: MetricsSnapshot = {CONNECTIONS.name: [[[self._listener], self._connections]]}
        for family, counts in (
            (OPEN_CONNECTIONS, self._open),
            (TLS_HANDSHAKES, self._handshakes),
            (COMMANDS, self._commands),
            (REPLIES, self._replies),
            (TRANSACTIONS, self._ends),
            (MESSAGES, self._messages),
            (MESSAGE_OCTETS, self._octets),
            (RECIPIENTS, self._recipients),
        ):
            each: Mapping[Any, int] = counts
            found[family.name] = [[[self._listener, str(label)], count] for label, count in each.items()]
        for family, histogram in ((SIZE, self._sizes), (BACKEND, self._backend)):
            found[family.name] = [[[self._listener], [*histogram.counts, histogram.sum]]]
        return found


def _version(connection: Connection) -> str:
    return "none" if connection.tls is None else getattr(connection.tls, "version", "unknown")


def summed(exports: Iterable[MetricsSnapshot]) -> MetricsSnapshot:
    """The figures of several servers, be they of one process or of several, as those of one."""
    sums: dict[str, dict[tuple[str, ...], Any]] = {family.name: {} for family in FAMILIES}
    for export in exports:
        for name, values in export.items():
            for labels, value in values:
                key = tuple(labels)
                sums[name][key] = _plus(sums[name].get(key), value)
    return {name: [[list(labels), value] for labels, value in values.items()] for name, values in sums.items()}


def _plus(one: Any, other: Any) -> Any:
    if one is None:
        return other
    return [a + b for a, b in zip(one, other, strict=True)] if isinstance(one, list) else one + other


def counters(export: MetricsSnapshot) -> MetricsSnapshot:
    """What of ``export`` only grows: what counts of a process that is gone."""
    return {family.name: export[family.name] for family in FAMILIES if family.kind != "gauge" and family.name in export}
