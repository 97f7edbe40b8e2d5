"""The dispatcher: a store that fails, leases that are renewed, and outcomes that are stored later."""

import pytest
from twisted.logger import capturedLogs

from tests.queue.queues import ANN, Queues
from txsmtpx.queue.delivery_settings import LEASE as SETTING
from txsmtpx.testing import SILENCE, ScriptedServer

LEASE = SETTING.default


@pytest.fixture
def queues():
    made = []

    def make(*arguments, **keywords):
        made.append(Queues(*arguments, **keywords))
        return made[-1]

    yield make
    for each in made:
        each.store.broken = set()
        each.stop(60)


def test_a_store_that_cannot_be_read_is_read_later(queues):
    one = queues()
    one.store.broken = {"lease"}
    with capturedLogs() as logs:
        one.submit(ANN)
    assert any("the queue cannot be read" in each["log_format"] for each in logs)
    one.store.broken = set()
    one.advance(2)
    assert one.kinds()[-1] == ("delivered", ANN)


def test_a_store_that_cannot_be_opened_is_opened_later(queues):
    one = queues()
    one.stop(60)
    one.store.broken = {"open"}
    one.queue.startService()
    one.advance(5)
    one.store.broken = set()
    one.advance(60)
    one.submit(ANN)
    assert one.store.final == [(ANN, "delivered", "250 2.0.0 Taken")]


def test_an_outcome_that_cannot_be_stored_is_stored_later_and_not_delivered_twice(queues):
    one = queues()
    one.store.broken = {"finish"}
    one.submit(ANN)
    for _ in range(100):
        one.advance(10)
    assert one.kinds() == [("queued", ANN)]
    one.store.broken = set()
    one.advance(60)
    assert one.kinds()[-1] == ("delivered", ANN)
    assert sum(len(server.messages) for server in one.nets["*"].servers) == 1


def test_leases_are_renewed_while_a_delivery_takes_long(queues):
    one = queues({"*": lambda: ScriptedServer(END=SILENCE)})
    identifier = one.submit(ANN)
    for _ in range(5):
        one.advance(LEASE / 3)
    assert one.store.renewals == [[identifier]] * len(one.store.renewals)
    assert len(one.store.renewals) >= 4
    assert len(one.nets["*"].servers) == 1


def test_a_lease_that_cannot_be_renewed_is_in_the_log(queues):
    one = queues({"*": lambda: ScriptedServer(END=SILENCE)})
    one.submit(ANN)
    one.store.broken = {"renew"}
    with capturedLogs() as logs:
        one.advance(LEASE / 3)
    assert any("leases cannot be renewed" in each["log_format"] for each in logs)


def test_an_outcome_that_is_not_stored_at_the_end_is_in_the_log(queues, logged_failures):
    one = queues()
    one.store.broken = {"finish"}
    one.submit(ANN)
    with capturedLogs() as logs:
        one.queue.stopService()
        one.advance(40)
    assert any("it may be delivered again" in each["log_format"] for each in logs)
    logged_failures.flush()


def test_a_lease_of_another_process_is_looked_for_when_it_ends(queues):
    """Its process was killed: the recipient is due again at the end of its lease."""
    one = queues()
    one.stop(60)
    one.submit(ANN)
    now = one.queue.now()
    one.store.lease("killed:1", now, now + LEASE, 10, 10, ())
    one.queue.startService()
    one.advance(LEASE - 1)
    assert one.nets["*"].servers == []
    one.advance(1)
    assert one.store.final == [(ANN, "delivered", "250 2.0.0 Taken")]
