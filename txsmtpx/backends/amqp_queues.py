"""The queues of a broker, as a backend and a consumer declare them."""

from __future__ import annotations

from txsmtpx.backends.amqp_settings import QueueType
from txsmtpx.backends.pika_types import ChannelLike


async def declare(channel: ChannelLike, queue: str, kind: QueueType) -> None:
    """
    Declare a durable queue, which may exist.

    Args:
        channel: The channel.
        queue: The name of the queue.
        kind: "existing" checks only that it exists.
    """
    if kind == "existing":
        await channel.queue_declare(queue, passive=True)
    else:
        await channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})


async def declare_waiting(channel: ChannelLike, queue: str, target: str, seconds: float) -> None:
    """
    Declare a queue whose messages go to another queue after a time.

    Args:
        channel: The channel.
        queue: The name of the queue.
        target: The other queue.
        seconds: The time.
    """
    arguments: dict[str, object] = {
        "x-queue-type": "quorum",
        "x-message-ttl": int(seconds * 1000),
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": target,
        # The broker keeps a message until the other queue has confirmed it.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    await channel.queue_declare(queue, durable=True, arguments=arguments)
