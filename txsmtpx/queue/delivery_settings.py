"""The settings of the deliveries of a queue."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from txsmtpx.setting import Setting, SettingError
from txsmtpx.setting_kinds import Choice, Number, Seconds

Unsure = Literal["retry", "return"]
"""What becomes of a recipient who may have received the message: the server has the end of it, and no reply came."""

RETRY = Seconds(
    "queue_retry",
    300.0,
    "Queue",
    "Wait this long after the first failed attempt.  Each further wait doubles.",
    zero=False,
)
"""Postfix waits 5 minutes too (minimal_backoff_time), Exim 15 minutes."""
RETRY_MOST = Seconds("queue_retry_most", 3600.0, "Queue", "Wait at most this long between two attempts.", zero=False)
"""Postfix waits 4000 seconds at most (maximal_backoff_time)."""
EXPIRE = Seconds(
    "queue_expire", 432_000.0, "Queue", "Return a message that is not delivered after this time.", zero=False
)
"""Five days: RFC 5321 §4.5.4.1 has 4 to 5 days, Postfix 5 (maximal_queue_lifetime)."""
DELAY_REPORT = Seconds(
    "queue_delay_report",
    14_400.0,
    "Queue",
    "Send a report of a delay after this time, if NOTIFY asks for it (0: never).",
)
"""Sendmail sends a warning after 4 hours (Timeout.queuewarn)."""
DELIVERIES = Number(
    "queue_deliveries", 300, "Queue", "Send up to N messages at a time, to all destinations.", "messages", 1, 20_000
)
"""Postfix has 100 processes (default_process_limit).  A connection costs less memory here than a process there."""
DESTINATION = Number(
    "queue_destination", 10, "Queue", "Open up to N connections to each destination.", "connections", 1, 1000
)
"""Postfix opens 20 (default_destination_concurrency_limit)."""
FAILURES = Number(
    "queue_failures",
    5,
    "Queue",
    "Pause a destination after N connections that failed one after the other (0: never).",
    "connections",
)
UNSURE: Choice[Unsure] = Choice(
    "queue_unsure",
    "retry",
    "Queue",
    "Send a message again that may have been delivered, or return it.",
    ("retry", "return"),
)
LEASE = Seconds(
    "queue_lease",
    300.0,
    "Queue",
    "Let another process deliver a message after this time if the process that delivers it was killed.",
    zero=False,
)

SETTINGS: tuple[Setting[object], ...] = (
    RETRY, RETRY_MOST, EXPIRE, DELAY_REPORT, DELIVERIES, DESTINATION, FAILURES, UNSURE, LEASE
)  # fmt: skip
"""All settings, in the order in which they are listed."""


@dataclass(frozen=True)
class QueueSettings:
    """
    The settings of a queue.  `txsmtpx.MailQueue` makes one value of its arguments.

    Attributes:
        retry: Seconds after the first failed attempt; each further wait doubles.
        retry_most: Seconds of the longest wait.
        expire: Seconds after which a message is returned.
        delay_report: Seconds after which the sender gets a report of a delay; 0 for never.
        deliveries: Messages that are sent at a time.
        destination: Connections to each destination at a time.
        failures: Failed connections after which a destination is paused; 0 for never.
        unsure: "retry" sends a message again that may have been delivered, "return" returns it.
        lease: Seconds after which another process may deliver what a killed process was delivering.

    Raises:
        TypeError: A value has the wrong type.
        SettingError: A value cannot be used.

    Example:
        >>> QueueSettings(expire=-1)
        Traceback (most recent call last):
        txsmtpx.setting.SettingError: queue_expire must be a number of seconds greater than 0, not -1
    """

    retry: float = RETRY.default
    retry_most: float = RETRY_MOST.default
    expire: float = EXPIRE.default
    delay_report: float = DELAY_REPORT.default
    deliveries: int = DELIVERIES.default
    destination: int = DESTINATION.default
    failures: int = FAILURES.default
    unsure: Unsure = UNSURE.default
    lease: float = LEASE.default

    def __post_init__(self) -> None:
        for field, setting in zip(fields(self), SETTINGS, strict=True):
            setting.check(getattr(self, field.name))
        if self.retry_most < self.retry:
            raise SettingError(
                RETRY_MOST.name, f"must be at least queue_retry ({self.retry:g}), not {self.retry_most:g}"
            )
