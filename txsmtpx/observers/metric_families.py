"""
The metrics of a server: their names, their meanings and their labels.

No label has a value that a client chooses, without a limit.  So clients cannot create time series without end in
Prometheus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricFamily:
    """
    Describe one metric, in the terms of Prometheus.

    Attributes:
        name: The name with its unit, without the prefix ``txsmtpx_`` and without the suffix ``_total``.
        kind: The kind of the metric.
        meaning: The help text.
        labels: The labels, besides ``listener``.
        buckets: The upper bounds of a histogram.  A last bucket without bound is added.
        shared: True if all processes see the same value, so that it is not added up: the depth of a queue.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    shared: bool = False

    @property
    def prefixed(self) -> str:
        """The name with its prefix.  The client library of Prometheus adds the suffix."""
        return f"txsmtpx_{self.name}"


OPEN_CONNECTIONS = MetricFamily(
    "open_connections", "gauge", "Open connections, by TLS version; none is a connection without TLS.", ("tls",)
)
CONNECTIONS = MetricFamily("connections", "counter", "Connections, including those that were rejected.")
TLS_HANDSHAKES = MetricFamily("tls_handshakes", "counter", "Successful TLS handshakes, by TLS version.", ("tls",))
COMMANDS = MetricFamily(
    "commands", "counter", "Commands, by verb; other is a command that the server does not have.", ("verb",)
)
REPLIES = MetricFamily(
    "replies", "counter", "Replies, by code.  LMTP has one for each recipient at the end of the data.", ("code",)
)
TRANSACTIONS = MetricFamily(
    "transactions", "counter", "Transactions, by the way they ended: answered, reset or closed.", ("end",)
)
MESSAGES = MetricFamily(
    "messages",
    "counter",
    "Messages that were answered: taken for at least one recipient, or else deferred (4xx), or else refused (5xx).",
    ("outcome",),
)
MESSAGE_OCTETS = MetricFamily("message_octets", "counter", "Octets of the messages, by their outcome.", ("outcome",))
RECIPIENTS = MetricFamily(
    "recipients",
    "counter",
    "Recipients of the messages, by the code of the reply.  LMTP has a reply for each recipient.",
    ("code",),
)
SIZE = MetricFamily(
    "message_size_octets",
    "histogram",
    "Messages that were answered, by size.",
    (),
    tuple(float(4**power) for power in range(5, 15)),
)
BACKEND = MetricFamily(
    "backend_seconds",
    "histogram",
    "Seconds from the end of the data of a message to its last reply.",
    (),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
FILTER_VERDICTS = MetricFamily(
    "filter_verdicts",
    "counter",
    "Verdicts of filters, by stage: continue, accept, discard, defer (4xx), reject (5xx), or failed.",
    ("filter", "stage", "verdict"),
)
FILTER_SECONDS = MetricFamily(
    "filter_seconds",
    "histogram",
    "Seconds until a filter has decided, by stage.",
    ("filter", "stage"),
    (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0, 60.0),
)

CALLS_IN_FLIGHT = MetricFamily(
    "backend_calls_in_flight",
    "gauge",
    "Calls of a backend that are not over, by stage: mail, recipient or data.",
    ("backend", "stage"),
)
OUTCOMES = MetricFamily(
    "backend_outcomes",
    "counter",
    "Outcomes of a backend, by stage: taken, deferred (4xx), refused (5xx), failed or cancelled.",
    ("backend", "stage", "outcome"),
)
CALL_SECONDS = MetricFamily(
    "backend_call_seconds",
    "histogram",
    "Seconds until a backend has answered, by stage.  At data they begin at the end of the message.",
    ("backend", "stage"),
    BACKEND.buckets,
)
QUEUE_MESSAGES = MetricFamily("queue_messages", "gauge", "Messages in the queue.", shared=True)
QUEUE_OCTETS = MetricFamily("queue_octets", "gauge", "Octets of the messages in the queue.", shared=True)
QUEUE_RECIPIENTS = MetricFamily(
    "queue_recipients",
    "gauge",
    "Recipients in the queue, by state: waiting, held, or leased, which are some of those that wait.",
    ("state",),
    shared=True,
)
QUEUE_AGES = MetricFamily(
    "queue_older_recipients",
    "gauge",
    "Recipients in the queue whose message is older than these seconds.",
    ("seconds",),
    shared=True,
)
QUEUE_OLDEST = MetricFamily("queue_oldest_seconds", "gauge", "Age of the oldest message in the queue.", shared=True)
QUEUE_DELIVERIES = MetricFamily("queue_deliveries", "gauge", "Messages that this process delivers now, or will next.")
QUEUE_PAUSED = MetricFamily("queue_paused_destinations", "gauge", "Destinations that are paused after failures.")
QUEUE_OUTCOMES = MetricFamily(
    "queue_outcomes",
    "counter",
    "Outcomes of attempts, by destination: delivered, deferred, failed or expired.  other is any further destination.",
    ("destination", "outcome"),
)
QUEUE_SECONDS = MetricFamily(
    "queue_delivery_seconds",
    "histogram",
    "Seconds from the time of a message until it was delivered to a recipient.",
    (),
    (0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 432_000.0),
)
QUEUE_TLS = MetricFamily(
    "queue_tls_connections",
    "counter",
    "Connections to exchangers, by the policy of TLS that was applied, and by its result (RFC 8460).",
    ("policy", "result"),
)

FAMILIES = (
    OPEN_CONNECTIONS, CONNECTIONS, TLS_HANDSHAKES, COMMANDS, REPLIES, TRANSACTIONS, MESSAGES, MESSAGE_OCTETS,
    RECIPIENTS, SIZE, BACKEND, FILTER_VERDICTS, FILTER_SECONDS, CALLS_IN_FLIGHT, OUTCOMES, CALL_SECONDS,
    QUEUE_MESSAGES, QUEUE_OCTETS, QUEUE_RECIPIENTS, QUEUE_AGES, QUEUE_OLDEST, QUEUE_DELIVERIES, QUEUE_PAUSED,
    QUEUE_OUTCOMES, QUEUE_SECONDS, QUEUE_TLS,
)  # fmt: skip
"""All metrics, in the order in which they are served."""
