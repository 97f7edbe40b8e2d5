"""The queues as they are declared."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed

from txsmtpx.backends import amqp_queues
from txsmtpx.settling import deferred_call
from txsmtpx.testing import Outcome


class Channel:
    """A channel that notes what is declared."""

    def queue_declare(self, queue: str, **how):
        self.declared = (queue, how)
        return succeed(None)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("quorum", {"durable": True, "arguments": {"x-queue-type": "quorum"}}),
        ("classic", {"durable": True, "arguments": {"x-queue-type": "classic"}}),
        ("existing", {"passive": True}),
    ],
)
def test_the_queue(kind, how) -> None:
    channel = Channel()
    Outcome(deferred_call(amqp_queues.declare, channel, "mail", kind)).result()
    assert channel.declared == ("mail", how)


def test_a_queue_whose_messages_come_back() -> None:
    channel = Channel()
    Outcome(deferred_call(amqp_queues.declare_waiting, channel, "mail.retry.0.5", "mail", 0.5)).result()
    name, how = channel.declared
    assert (name, how["durable"], how["arguments"]["x-message-ttl"]) == ("mail.retry.0.5", True, 500)
    assert how["arguments"]["x-dead-letter-routing-key"] == "mail"
    assert how["arguments"]["x-dead-letter-strategy"] == "at-least-once"
