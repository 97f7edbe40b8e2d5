"""The settings of the backend and of the consumer of an AMQP broker."""

from __future__ import annotations

from typing import Literal

from txsmtpx.setting import Setting
from txsmtpx.setting_kinds import Choice, Number, Seconds, Text

QueueType = Literal["quorum", "classic", "existing"]
"""How a queue is declared: as a durable quorum queue or classic queue, or not at all."""

QUEUE = Text("queue", "mail", "AMQP", "The queue.", "1 to 200 characters", "(?s:.{1,200})", 200)
QUEUE_TYPE: Choice[QueueType] = Choice(
    "queue_type",
    "quorum",
    "AMQP",
    "Declare a durable quorum queue or classic queue, or use an existing queue as it is.",
    ("quorum", "classic", "existing"),
)
EXCHANGE = Text(
    "exchange",
    "",
    "AMQP",
    "Publish to this exchange, instead of the queue.  It has to exist.",
    "up to 255 characters",
    "(?s:.{0,255})",
    255,
)
ROUTING_KEY = Text(
    "routing_key", "", "AMQP", "The routing key; by default the queue.", "up to 255 characters", "(?s:.{0,255})", 255
)
INLINE = Number(
    "inline",
    16 * 1024 * 1024,
    "AMQP",
    "A longer body goes into a file of the directory of bodies; without a directory it is rejected.",
    "octets",
    1,
    512 * 1024 * 1024,
)
"""RabbitMQ 4 has a limit of 16 MiB too (max_message_size), RabbitMQ 3 of 128 MiB."""
BODIES = Text("bodies", "", "AMQP", "The directory of bodies, which backends and consumers share.")
LOGIN = Text("login", "", "AMQP", "Log in with a file that has one line NAME:PASSWORD.")
TIMEOUT = Seconds("timeout", 30.0, "AMQP", "Wait this long for a connection, and for an answer.", zero=False)
TRUST_ROOTS = Text("trust_roots", "", "AMQP", "A file of the authorities that amqps: trusts.  By default the system's.")

COMMON: tuple[Setting[object], ...] = (QUEUE, QUEUE_TYPE, BODIES, LOGIN, TIMEOUT, TRUST_ROOTS)
"""The settings that the backend and the consumer have."""

SETTINGS: tuple[Setting[object], ...] = (*COMMON, EXCHANGE, ROUTING_KEY, INLINE)
"""The settings of the backend."""
