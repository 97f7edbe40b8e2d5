"""What else a backend has of a message under way: recipients by their position, the trace, a word for the log."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from tests.dialog.test_delivery import ONE, TWO, Delivery
from txsmtpx import Session
from txsmtpx.dialog.delivery import DataContext
from txsmtpx.dialog.message import Message


@pytest.fixture
def noted():
    """The facts that are logged, as text."""
    facts = []

    def observe(event):
        if "facts" in event:
            facts.append(event["facts"])

    globalLogPublisher.addObserver(observe)
    yield facts
    globalLogPublisher.removeObserver(observe)


def test_recipients_by_their_position():
    delivery = Delivery(ONE, TWO)
    for nobody in (-1, 2):
        with pytest.raises(ValueError, match=f"no recipient has the position {nobody}"):
            delivery.context.set_status(nobody)
    assert delivery.context.set_status(1, "two")
    assert delivery.context.set_status(0, "one")
    delivery.finish()
    assert delivery.end() == [f"250 2.0.0 <{ONE}> one", f"250 2.0.0 <{TWO}> two"]
    delivery.hang_up()


def test_a_timeout_that_is_no_number_is_refused():
    delivery = Delivery(ONE)
    with pytest.raises(TypeError, match=r"^timeout is a number of seconds, not '3'$"):
        delivery.context.start_delivery(ONE, timeout="3")
    delivery.hang_up()


@pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan")])
def test_a_timeout_that_no_clock_can_wait_for_is_refused(timeout):
    delivery = Delivery(ONE)
    with pytest.raises(ValueError, match=f"^timeout is a number of seconds, not {timeout}$"):
        delivery.context.start_delivery(ONE, timeout=timeout)
    delivery.hang_up()


@pytest.mark.parametrize("timeout", [0, 0.5])
def test_a_timeout_may_be_short(timeout):
    delivery = Delivery(ONE)
    delivery.context.start_delivery(ONE, timeout=timeout)
    delivery.finish()
    delivery.end()
    delivery.clock.advance(timeout)
    assert delivery.replies() == [f"420 4.4.7 <{ONE}> Error: timeout reached"]
    delivery.hang_up()


@pytest.mark.parametrize("recipients", [(ONE,), (ONE, TWO)])
def test_the_trace_names_a_single_recipient_only(recipients):
    delivery = Delivery(*recipients)
    received = delivery.context.received(0).decode()
    assert (f"for <{ONE}>" in received) is (len(recipients) == 1)
    assert TWO not in received
    assert received.endswith("Thu, 01 Jan 1970 00:00:00 +0000\r\n")
    delivery.hang_up()


def test_the_trace_tells_the_priority():
    delivery = Delivery(ONE)
    delivery.context.options.priority = 3
    assert "priority 3" in delivery.context.received(0).decode().lower()
    delivery.hang_up()


def test_what_the_backend_notes_is_logged_where_nobody_sums_up(noted):
    delivery = Delivery(ONE, TWO, lmtp=False)
    delivery.context.note(before="x y")
    delivery.ask("12345", "6")
    delivery.context.note(kept=3)
    assert noted == [
        f"from=<me@example.com> to=<{ONE}>,<{TWO}> octets=0 before=\"x y\"",
        f"from=<me@example.com> to=<{ONE}>,<{TWO}> octets=8 kept=3",
    ]
    delivery.hang_up()


def test_the_log_names_the_recipient_of_a_late_outcome():
    delivery = Delivery(ONE)
    logged = []
    globalLogPublisher.addObserver(logged.append)
    try:
        delivery.context.set_status(ONE)
        delivery.context.set_status(ONE)
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert [event["recipient"] for event in logged if "recipient" in event] == [f"<{ONE}>"]
    delivery.hang_up()


def test_another_transaction_has_outcomes_of_its_own(noted):
    """For what is done with a message besides, of which the client gets no reply."""
    contexts = []

    class Other(Session):
        def data(self, message, context):
            contexts.append(context)
            return Deferred()

    delivery = Delivery(ONE)
    transaction = delivery.context.another("copy@example.com")
    transaction.recipients.append(TWO)
    transaction.begin(Other(), Message(), DataContext(transaction))
    (another,) = contexts
    assert (another.sender, another.recipients) == ("copy@example.com", (TWO,))
    assert (another.queue_id, another.connection) == (delivery.context.queue_id, delivery.context.connection)
    another.note(kept=1)
    assert noted == [f"from=<copy@example.com> to=<{TWO}> octets=0 kept=1"]
    assert another.set_status(TWO, "stored")
    assert delivery.end() == []
    assert delivery.finish() == [delivery.queued(ONE)]
    delivery.hang_up()
