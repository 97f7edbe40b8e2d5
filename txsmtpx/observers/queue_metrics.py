"""Count what happens in a queue, and show its depth."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import get_args

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txsmtpx.mx_tls.tls_session import TLSSession
from txsmtpx.observers.metric_families import (
    QUEUE_AGES,
    QUEUE_DELIVERIES,
    QUEUE_MESSAGES,
    QUEUE_OCTETS,
    QUEUE_OLDEST,
    QUEUE_OUTCOMES,
    QUEUE_PAUSED,
    QUEUE_RECIPIENTS,
    QUEUE_SECONDS,
    QUEUE_TLS,
)
from txsmtpx.observers.metrics_observer import Histogram, MetricsSnapshot
from txsmtpx.queue.queue_observer import Activity, AttemptOutcome
from txsmtpx.queue.queued_mail import AGES, Depth
from txsmtpx.wire.dns_records import Records

log = Logger(__name__)

NAMED = 100
"""Destinations with counts of their own, besides those of routes.  Clients choose domains, so all others are one."""

OTHER = "other"
"""The label of the other destinations."""


class QueueMetrics:
    """
    The metrics of one queue.

    ``twistd smtpx --metrics`` creates one for each queue.  The depth is that of the last call of `export`: a call asks
    the store, and does not wait for its answer.

    Args:
        listener: The name of the server, for the label ``listener``.
        depth: Ask the store for the depth.
        activity: Return what the process does.
        routes: The destinations that have counts of their own from the start.

    Example:
        >>> from twisted.internet.defer import succeed
        >>> metrics = QueueMetrics("", lambda: succeed(Depth(messages=3)), lambda: Activity(1, 0))
        >>> metrics.attempted("example.org", "delivered", 0.2)
        >>> metrics.export()["queue_messages"]
        [([''], 3)]
    """

    def __init__(
        self,
        listener: str,
        depth: Callable[[], Deferred[Depth]],
        activity: Callable[[], Activity],
        routes: Collection[str] = (),
    ) -> None:
        self._listener = listener
        self._ask = depth
        self._activity = activity
        self._depth = Depth()
        self._asking = False
        self._named = 0
        self._outcomes: dict[tuple[str, str], int] = {}
        self._tls: dict[tuple[str, str], int] = {}
        self._seconds = Histogram(QUEUE_SECONDS.buckets)
        for each in (*routes, OTHER):
            self._add(each)

    def _add(self, destination: str) -> None:
        self._outcomes |= dict.fromkeys(((destination, outcome) for outcome in get_args(AttemptOutcome)), 0)

    def attempted(self, destination: str, outcome: AttemptOutcome, seconds: float) -> None:
        """
        Count an attempt for a recipient.

        Args:
            destination: The destination.
            outcome: The outcome.
            seconds: Seconds since the message came.
        """
        if (destination, outcome) not in self._outcomes:
            if outcome == "delivered" and self._named < NAMED:  # a domain without a server never gets a label
                self._named += 1
                self._add(destination)
            else:
                destination = OTHER
        self._outcomes[destination, outcome] += 1
        if outcome == "delivered":
            self._seconds.add(seconds)

    def ended(self, session: TLSSession, records: Records) -> None:
        """
        Count a connection to an exchanger (`txsmtpx.mx_tls.tls_session.TLSReporter`).

        Args:
            session: The connection.
            records: It is not used.
        """
        labels = (session.policy, session.failure or "success")
        self._tls[labels] = self._tls.get(labels, 0) + 1

    def _look(self) -> None:
        if self._asking:
            return
        self._asking = True

        def found(depth: Depth) -> None:
            self._depth = depth

        def failed(failure: Failure) -> None:
            log.warn("the depth of the queue is not known: {error}", error=failure.value)

        def over(_: object) -> None:
            self._asking = False

        self._ask().addCallbacks(found, failed).addBoth(over)

    def export(self) -> MetricsSnapshot:
        """
        Return all counts.

        Returns:
            The samples of each metric.
        """
        self._look()
        depth, activity, of = self._depth, self._activity(), self._listener
        states = (("waiting", depth.waiting), ("held", depth.held), ("leased", depth.leased))
        return {
            QUEUE_MESSAGES.name: [([of], depth.messages)],
            QUEUE_OCTETS.name: [([of], depth.octets)],
            QUEUE_RECIPIENTS.name: [([of, state], number) for state, number in states],
            QUEUE_AGES.name: [
                ([of, f"{age:g}"], number) for age, number in zip(AGES, depth.ages or (0,) * len(AGES), strict=True)
            ],
            QUEUE_OLDEST.name: [([of], 0.0 if depth.oldest is None else max(activity.now - depth.oldest, 0.0))],
            QUEUE_DELIVERIES.name: [([of], activity.deliveries)],
            QUEUE_PAUSED.name: [([of], activity.paused)],
            QUEUE_OUTCOMES.name: [([of, *labels], count) for labels, count in self._outcomes.items()],
            QUEUE_SECONDS.name: [([of], self._seconds.export())],
            QUEUE_TLS.name: [([of, *labels], count) for labels, count in self._tls.items()],
        }
