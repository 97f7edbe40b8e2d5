"""The queue from end to end: what is submitted is stored, delivered, tried again, and returned."""

import pytest

from tests.queue.queues import ANN, BOB, BODY, ME, Queues
from txsmtpx.testing import ScriptedServer


@pytest.fixture
def queues():
    made = []

    def make(*arguments, **keywords):
        made.append(Queues(*arguments, **keywords))
        return made[-1]

    yield make
    for each in made:
        each.stop(60)


def test_a_message_is_delivered(queues):
    one = queues()
    identifier = one.submit(ANN)
    assert one.server().messages == [BODY]
    assert one.store.mails == {}
    assert [(event.kind, event.id, event.recipient) for event in one.events] == [
        ("queued", identifier, ANN), ("delivered", identifier, ANN),
    ]  # fmt: skip
