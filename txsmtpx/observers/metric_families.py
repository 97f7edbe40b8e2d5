"""The metrics: their names, what they mean, and their labels, none of which a client can make up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricFamily:
    """
    One metric.

    Attributes:
        name: With its unit, without ``txsmtpx_`` before it and ``_total`` behind it.
        meaning: A sentence.
        labels: Besides ``listener``.
        buckets: The upper bounds of a histogram but the last, which is infinite.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def prefixed(self) -> str:
        """The name as Prometheus has it, but for ``_total`` and the like."""
        return f"txsmtpx_{self.name}"


OPEN_CONNECTIONS = MetricFamily(
    "open_connections", "gauge", "Connections now, by TLS version, which is none in the clear.", ("tls",)
)
CONNECTIONS = MetricFamily("connections", "counter", "Connections in all, those that were sent away among them.")
TLS_HANDSHAKES = MetricFamily("tls_handshakes", "counter", "Handshakes that succeeded, by TLS version.", ("tls",))
COMMANDS = MetricFamily(
    "commands", "counter", "Commands by verb; other is what is none of the server's.", ("verb",)
)
REPLIES = MetricFamily(
    "replies", "counter", "Replies by code, one for each recipient at the end of data by LMTP.", ("code",)
)
TRANSACTIONS = MetricFamily(
    "transactions", "counter", "Transactions by their end: answered, reset or closed.", ("end",)
)
MESSAGES = MetricFamily(
    "messages",
    "counter",
    "Messages that were answered: taken for one recipient or more, else deferred (4xx), else refused (5xx).",
    ("outcome",),
)
MESSAGE_OCTETS = MetricFamily("message_octets", "counter", "Octets of those messages.", ("outcome",))
RECIPIENTS = MetricFamily(
    "recipients",
    "counter",
    "Recipients of those messages by the code of the answer; under LMTP each has its own.",
    ("code",),
)
SIZE = MetricFamily(
    "message_size_octets",
    "histogram",
    "Messages that were answered, by their size.",
    (),
    tuple(float(4**power) for power in range(5, 15)),
)
BACKEND = MetricFamily(
    "backend_seconds",
    "histogram",
    "Seconds from the end of the data of a message to its last answer.",
    (),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)

FAMILIES = (
    OPEN_CONNECTIONS, CONNECTIONS, TLS_HANDSHAKES, COMMANDS, REPLIES, TRANSACTIONS, MESSAGES, MESSAGE_OCTETS,
    RECIPIENTS, SIZE, BACKEND,
)  # fmt: skip
