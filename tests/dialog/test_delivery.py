"""
The outcome of a message for each recipient (guarantee 11): first-come and final, from Deferreds, calls and threads.

The replies themselves are in the transcripts lmtp*.txt; here is what a backend sees of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.dialog.core import Core
from txsmtpx import Reply, SMTPError, first_success
from txsmtpx.dialog.slots import Slots
from txsmtpx.testing import BackendCrash, RecordingBackend

ONE, TWO = "one@example.com", "two@example.com"
LOCAL_ERROR = "451 4.3.0 {} Local error in processing ({})"


class Delivery(Core):
    """A message under way, whose ``data`` waits for ``finish``."""

    def __init__(self, *recipients: str, lmtp: bool = True, data: Callable[..., Any] | None = None, **settings: Any):
        self.running: Deferred[Any] = Deferred()
        self.context: Any = None
        super().__init__(RecordingBackend(data=data or self._data), lmtp=lmtp, **settings)
        self.ask("LHLO client.example" if lmtp else "EHLO client.example", "MAIL FROM:<me@example.com>")
        for recipient in recipients:
            assert self.ask(f"RCPT TO:<{recipient}>") == ["250 2.1.5 Recipient ok"]
        assert self.ask("DATA") == ["354 End data with <CR><LF>.<CR><LF>"]

    def _data(self, message: Any, context: Any) -> Deferred[Any]:
        self.context = context
        return self.running

    def end(self) -> list[str]:
        """The end of the data, and what is answered at once."""
        return self.ask(".")

    def finish(self, outcome: Any = None) -> list[str]:
        """``data`` comes to its end, and what is answered then."""
        running, self.running = self.running, Deferred()
        running.callback(outcome)
        return self.replies()

    def queued(self, recipient: str) -> str:
        return f"250 2.0.0 <{recipient}> Ok: queued as {self.context.queue_id}"


STATUSES = [
    (None, "250 2.0.0 <one@example.com> Ok: queued as {id}"),
    ("Finished", "250 2.0.0 <one@example.com> Finished"),
    (Reply(250, (2, 1, 5), "Mine"), "250 2.1.5 <one@example.com> Mine"),
    (Reply(550, (5, 1, 1), "<one@example.com> No"), "550 5.1.1 <one@example.com> No"),
    (Reply(421, (4, 3, 2), "Bye"), "451 4.3.2 <one@example.com> Bye"),
    (SMTPError(452, (4, 2, 2), "Full"), "452 4.2.2 <one@example.com> Full"),
    (SMTPError(452, None, "Full"), "452 4.0.0 <one@example.com> Full"),
    (Reply(400, (4, 0, 0), "Hm"), "400 4.0.0 <one@example.com> Hm"),
]
BROKEN = [BackendCrash("a secret"), Reply(354, None, "go on"), 5, b"bytes"]


@pytest.mark.parametrize(("status", "reply"), STATUSES)
@pytest.mark.parametrize("way", ["set_status", "fired", "later", "failure", "coroutine"])
def test_an_outcome_by_each_way(status, reply, way):
    delivery = Delivery(ONE)
    later: Deferred[Any] = Deferred()
    error = isinstance(status, Exception)

    async def come() -> Any:
        if error:
            raise status
        return status

    if way in ("set_status", "failure"):
        given = Failure(status) if error and way == "failure" else status
        assert delivery.context.set_status(ONE, given) is True
    elif way == "coroutine":
        delivery.context.start_delivery(ONE, come())
    elif way == "fired":
        delivery.context.start_delivery(ONE, fail(status) if error else succeed(status))
    else:
        delivery.context.start_delivery(ONE, later)
    delivery.finish()
    said = delivery.end()
    if way == "later":
        assert said == []
        later.errback(status) if error else later.callback(status)
        said = delivery.replies()
    assert said == [reply.replace("{id}", delivery.context.queue_id)]
    assert delivery.ask("NOOP") == ["250 2.0.0 Ok"]
    delivery.hang_up()


@pytest.mark.parametrize("status", BROKEN, ids=repr)
@pytest.mark.parametrize("way", ["set_status", "start_delivery", "data"])
def test_no_outcome_is_logged_and_said_without_a_word_of_it(status, way, logged_failures):
    delivery = Delivery(ONE)
    if way == "set_status":
        assert delivery.context.set_status(ONE, status) is True
    elif way == "start_delivery":
        deferred = fail(status) if isinstance(status, Exception) else succeed(status)
        delivery.context.start_delivery(ONE, deferred)
    elif isinstance(status, Exception):
        delivery.running.errback(status)
    said = delivery.end()
    if way != "data" or not isinstance(status, Exception):
        said += delivery.finish(status if way == "data" else None)
    assert said == [LOCAL_ERROR.format(f"<{ONE}>", delivery.context.queue_id)]
    assert len(logged_failures.flush(BackendCrash, TypeError)) == 1
    delivery.hang_up()


@pytest.mark.parametrize(
    ("give", "name"),
    [
        (lambda context: context.set_status(ONE, 5), "set_status()"),
        (lambda context: context.start_delivery(ONE, succeed(5)), "a delivery"),
    ],
    ids=["set_status", "start_delivery"],
)
def test_the_log_tells_which_way_no_outcome_came(give, name, logged_failures):
    delivery = Delivery(ONE)
    give(delivery.context)
    (failure,) = logged_failures.flush(TypeError)
    assert failure.getErrorMessage().startswith(f"{name} returned 5: return None, a str or ")
    delivery.hang_up()


def test_the_first_status_counts():
    delivery = Delivery(ONE, TWO)
    late = []
    delivery.context.late = lambda *args: late.append(args)
    assert delivery.context.set_status(ONE, "first") is True
    second = SMTPError(550, None, "second")
    assert delivery.context.set_status(ONE, second) is False
    assert delivery.context.set_status(TWO.upper(), "in capitals") is True
    assert delivery.context.late_outcomes == 1
    assert late == [(ONE, second)]
    assert delivery.finish() == []
    assert delivery.end() == [f"250 2.0.0 <{ONE}> first", f"250 2.0.0 <{TWO}> in capitals"]
    assert delivery.context.set_status(TWO, "after the end") is False
    delivery.hang_up()


def test_a_slot_freezes_once():
    """Of two threads that both saw it open, the second is told that it was."""
    slots = Slots([ONE])
    slots.make()
    first, second = Reply(250, (2, 0, 0), "first"), Reply(250, (2, 0, 0), "second")
    assert [slots.freeze(slots.made[0], first), slots.freeze(slots.made[0], second)] == [True, False]
    assert (slots.replies, slots.open) == ([first], 0)


def test_all_lines_of_an_outcome_are_told():
    delivery = Delivery(ONE)
    delivery.context.set_status(ONE, Reply(550, (5, 2, 1), "Gone", "Try elsewhere"))
    delivery.finish()
    assert delivery.end() == [f"550-5.2.1 <{ONE}> Gone", "550 5.2.1 Try elsewhere"]
    delivery.hang_up()


def test_a_late_callback_that_breaks_hurts_nobody(logged_failures):
    """Guarantee 11: set_status never raises into a worker."""
    delivery = Delivery(ONE)

    def late(recipient: str, status: Any) -> None:
        raise BackendCrash

    delivery.context.late = late
    assert delivery.context.set_status(ONE) is True
    assert delivery.context.set_status(ONE) is False
    assert len(logged_failures.flush(BackendCrash)) == 1
    delivery.finish()
    assert delivery.end() == [delivery.queued(ONE)]
    delivery.hang_up()


def test_the_same_address_twice_is_two_slots():
    delivery = Delivery(ONE, TWO, ONE)
    delivery.context.start_delivery(ONE)
    delivery.context.start_delivery(ONE)
    with pytest.raises(ValueError, match=r"each delivery to .* has begun already"):
        delivery.context.start_delivery(ONE)
    assert delivery.context.set_status(ONE, "first") is True
    delivery.finish()
    assert delivery.end() == [f"250 2.0.0 <{ONE}> first", delivery.queued(TWO)]
    assert delivery.context.set_status(ONE, SMTPError(550, (5, 0, 0), "second")) is True
    assert delivery.replies() == [f"550 5.0.0 <{ONE}> second"]
    delivery.hang_up()


def test_no_such_recipient():
    delivery = Delivery(ONE)
    for method in (delivery.context.start_delivery, delivery.context.set_status):
        with pytest.raises(ValueError, match=r"no recipient .three@"):
            method("three@example.com")
    delivery.hang_up()


def test_a_timeout_freezes_its_slot_before_its_turn_comes():
    """The clock of the second runs out while the first is still open: what comes then is late, and was cancelled."""
    delivery = Delivery(ONE, TWO)
    cancelled: list[Any] = []
    delivery.context.start_delivery(ONE)
    delivery.context.start_delivery(TWO, Deferred(cancelled.append), timeout=2)
    delivery.finish()
    assert delivery.end() == []
    delivery.clock.advance(2)
    assert delivery.replies() == []
    assert len(cancelled) == 1
    assert delivery.context.set_status(TWO, "too late") is False
    delivery.context.set_status(ONE)
    assert delivery.replies() == [delivery.queued(ONE), f"420 4.4.7 <{TWO}> Error: timeout reached"]
    delivery.hang_up()


def test_a_timeout_runs_while_the_message_still_comes():
    delivery = Delivery(ONE)
    delivery.context.start_delivery(ONE, Deferred(), timeout=2)
    delivery.finish()
    delivery.send(b"still coming\r\n")
    delivery.clock.advance(2)
    assert delivery.replies() == []
    assert delivery.end() == [f"420 4.4.7 <{ONE}> Error: timeout reached"]
    delivery.hang_up()


def test_a_delivery_that_begins_when_its_outcome_is_known():
    """It has no clock, and is cancelled at once."""
    cancelled: list[Any] = []
    delivery = Delivery(ONE)
    delivery.context.set_status(ONE, "known")
    delivery.context.start_delivery(ONE, Deferred(cancelled.append), timeout=2)
    assert len(cancelled) == 1
    delivery.finish()
    assert delivery.end() == [f"250 2.0.0 <{ONE}> known"]
    delivery.hang_up()


def test_the_answer_to_a_timeout_can_be_chosen():
    def timed_out(recipient: str) -> Reply:
        return Reply(450, (4, 4, 1), f"{recipient} is slow")

    delivery = Delivery(ONE, delivery_timed_out=timed_out)
    delivery.context.start_delivery(ONE, timeout=1)
    delivery.finish()
    delivery.end()
    delivery.clock.advance(1)
    assert delivery.replies() == [f"450 4.4.1 <{ONE}> {ONE} is slow"]
    delivery.hang_up()


def test_an_outcome_that_comes_after_all_is_late():
    """A Deferred that cannot be cancelled fires after its time: kept from the peer, shown to ``late``."""
    delivery = Delivery(ONE)
    late = []
    delivery.context.late = lambda *args: late.append(args)
    stubborn: Deferred[Any] = Deferred(lambda deferred: deferred.callback("done all the same"))
    delivery.context.start_delivery(ONE, stubborn, timeout=1)
    delivery.finish()
    delivery.end()
    delivery.clock.advance(1)
    assert delivery.replies() == [f"420 4.4.7 <{ONE}> Error: timeout reached"]
    assert late == [(ONE, "done all the same")]
    delivery.hang_up()


def test_a_delivery_that_is_cancelled_is_not_late():
    delivery = Delivery(ONE)
    delivery.context.start_delivery(ONE, Deferred(), timeout=1)
    delivery.clock.advance(1)
    assert delivery.context.late_outcomes == 0
    delivery.hang_up()


def test_an_outcome_after_the_message_was_answered_is_late():
    delivery = Delivery(ONE, TWO, lmtp=False)
    delivery.finish()
    delivery.end()
    assert not delivery.context.set_status(ONE, SMTPError(550, (5, 0, 0), "No"))
    delivery.context.start_delivery(TWO, succeed(None))
    assert delivery.context.late_outcomes == 2
    delivery.hang_up()


def test_a_delivery_that_begins_when_all_is_known_holds_up_nobody():
    delivery = Delivery(ONE, TWO, lmtp=False)
    delivery.finish("Done")
    delivery.context.start_delivery(ONE, Deferred())
    assert delivery.end() == ["250 2.0.0 Done"]
    delivery.hang_up()


def test_data_ends_what_was_never_started():
    delivery = Delivery(ONE, TWO)
    delivery.context.start_delivery(TWO)
    assert delivery.end() == []
    assert delivery.finish("All of it") == [f"250 2.0.0 <{ONE}> All of it"]
    delivery.context.set_status(TWO)
    assert delivery.replies() == [delivery.queued(TWO)]
    delivery.hang_up()


def test_a_failure_of_data_ends_what_is_open():
    cancelled: list[Any] = []
    delivery = Delivery(ONE, TWO)
    delivery.context.start_delivery(ONE, succeed("done"))
    delivery.context.start_delivery(TWO, Deferred(cancelled.append))
    delivery.running.errback(SMTPError(554, (5, 6, 0), "No"))
    assert delivery.end() == [f"250 2.0.0 <{ONE}> done", f"554 5.6.0 <{TWO}> No"]
    assert len(cancelled) == 1
    delivery.hang_up()


def test_the_cap_of_the_server_ends_everything():
    cancelled: list[Any] = []
    delivery = Delivery(ONE, TWO, delivery_timeout=10)
    delivery.context.start_delivery(ONE, Deferred(cancelled.append))
    delivery.context.set_status(TWO)
    assert delivery.end() == []
    delivery.clock.advance(10)
    expired = f"451 4.4.7 <{ONE}> Delivery took too long ({delivery.context.queue_id})"
    assert delivery.replies() == [expired, delivery.queued(TWO)]
    assert len(cancelled) == 1
    delivery.running.addErrback(lambda failure: failure.trap(CancelledError))
    assert delivery.ask("NOOP") == ["250 2.0.0 Ok"]
    delivery.hang_up()


def test_a_lost_connection_cancels_every_delivery():
    cancelled: list[Any] = []
    delivery = Delivery(ONE, TWO)
    for recipient in (ONE, TWO):
        delivery.context.start_delivery(recipient, Deferred(cancelled.append), timeout=5)
    delivery.end()
    delivery.hang_up()
    assert len(cancelled) == 2
    assert delivery.context.set_status(ONE) is False
    assert delivery.replies() == []


def test_data_is_cancelled_when_the_connection_is_lost():
    cancelled: list[Any] = []
    delivery = Delivery(ONE, data=lambda message, context: Deferred(cancelled.append))
    delivery.end()
    delivery.hang_up()
    assert len(cancelled) == 1


# Under SMTP

YES, NO, LATER = None, SMTPError(550, (5, 2, 1), "No"), SMTPError(452, (4, 2, 2), "Later")


@pytest.mark.parametrize(
    ("outcomes", "first_failure_says", "first_success_says"),
    [
        ([YES, YES], "250 2.0.0 data() says yes", "250 2.0.0 data() says yes"),
        ([YES, NO], "550 5.2.1 No", "250 2.0.0 data() says yes"),
        ([LATER, NO], "452 4.2.2 Later", "452 4.2.2 Later"),
        ([NO, LATER], "550 5.2.1 No", "550 5.2.1 No"),
    ],
)
def test_folded_by_policy(outcomes, first_failure_says, first_success_says):
    for settings, said in (({}, first_failure_says), ({"outcome_policy": first_success}, first_success_says)):
        delivery = Delivery(ONE, TWO, lmtp=False, **settings)
        for recipient, outcome in zip((ONE, TWO), outcomes, strict=True):
            delivery.context.set_status(recipient, outcome)
        delivery.finish("data() says yes")
        assert delivery.end() == [said]
        delivery.hang_up()


def test_a_policy_is_asked_where_there_is_something_to_fold():
    delivery = Delivery(ONE, TWO, lmtp=False, outcome_policy=lambda outcomes, outcome: outcomes[-1])
    delivery.finish("Done")
    assert delivery.end() == ["250 2.0.0 Done"]
    delivery.hang_up()


@given(st.lists(st.sampled_from(["status", "time", "deliver", "end", "finish", "lose", "octets"]), max_size=12))
def test_in_whatever_order_things_happen_each_recipient_has_one_reply(events):
    delivery = Delivery(ONE, TWO, ONE, delivery_timeout=50)
    pending: Deferred[Any] = Deferred()
    delivery.context.start_delivery(TWO, pending, timeout=20)
    said: list[str] = []
    ended = finished = lost = False
    for event in events:
        if event == "status":
            delivery.context.set_status(ONE, "status")
        elif event == "time":
            delivery.clock.advance(10)
        elif event == "deliver" and not pending.called:
            pending.callback("delivered")
        elif event == "octets" and not ended:
            delivery.send(b"NOOP\r\n")
        elif event == "end" and not ended and not lost:
            said, ended = delivery.end(), True
        elif event == "finish" and not finished and not delivery.running.called:
            said += delivery.finish()
            finished = True
        elif event == "lose":
            lost = True
            delivery.hang_up()
        if ended and not lost:
            said += delivery.replies()
    if not lost:
        said += delivery.end() if not ended else []
        delivery.clock.advance(60)
        said += delivery.replies()
        assert [line.split()[2] for line in said] == [f"<{ONE}>", f"<{TWO}>", f"<{ONE}>"]
    delivery.hang_up()


# Threads


async def turn() -> None:
    """What threads have asked of the reactor is done."""
    await deferLater(reactor, 0)


def in_threads(*functions: Callable[[], Any]) -> list[Any]:
    """What each gives, called in a thread of its own, all at once."""
    results: list[Any] = []
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results.append(function())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


async def test_a_status_from_a_thread():
    delivery = Delivery(ONE, TWO)
    delivery.finish("Done")
    assert delivery.end() == [f"250 2.0.0 <{ONE}> Done", f"250 2.0.0 <{TWO}> Done"]
    assert in_threads(lambda: delivery.context.set_status(ONE)) == [False]
    delivery.hang_up()


async def test_statuses_from_threads_that_the_data_waits_for():
    recipients = [f"you{n}@example.com" for n in range(10)]
    delivery = Delivery(*recipients)
    for recipient in recipients:
        delivery.context.start_delivery(recipient, timeout=100)
    delivery.finish()
    assert delivery.end() == []
    workers = [partial(delivery.context.set_status, each, f"to {each}") for each in recipients]
    assert in_threads(*workers) == [True] * 10
    assert delivery.replies() == []  # nothing is written but by the reactor's thread
    await turn()
    assert delivery.replies() == [f"250 2.0.0 <{each}> to {each}" for each in recipients]
    assert delivery.ask("NOOP") == ["250 2.0.0 Ok"]
    delivery.hang_up()


async def test_a_failure_that_overtakes_a_status_from_a_thread_is_late():
    """The status counts from when the thread gave it; the reactor has not heard of it yet when the Deferred fails."""
    delivery = Delivery(ONE)
    late = []
    delivery.context.late = lambda *args: late.append(args)
    deferred: Deferred[Any] = Deferred()
    delivery.context.start_delivery(ONE, deferred)
    assert in_threads(lambda: delivery.context.set_status(ONE, "by a thread")) == [True]
    deferred.errback(SMTPError(550, (5, 0, 0), "No"))
    assert delivery.context.late_outcomes == len(late) == 1
    await turn()
    delivery.finish()
    assert delivery.end() == [f"250 2.0.0 <{ONE}> by a thread"]
    delivery.hang_up()


async def test_many_threads_one_recipient_one_wins():
    for _ in range(20):
        delivery = Delivery(ONE)
        delivery.context.start_delivery(ONE)
        delivery.finish()
        delivery.end()
        workers = [partial(delivery.context.set_status, ONE, f"thread {n}") for n in range(8)]
        assert sorted(in_threads(*workers)) == [False] * 7 + [True]
        assert delivery.context.late_outcomes == 7
        await turn()
        (said,) = delivery.replies()
        assert said.startswith(f"250 2.0.0 <{ONE}> thread ")
        delivery.hang_up()


async def test_a_thread_before_the_end_of_the_data_and_one_after_the_connection():
    delivery = Delivery(ONE)
    delivery.context.start_delivery(ONE, timeout=5)
    assert in_threads(lambda: delivery.context.set_status(ONE, SMTPError(550, (5, 0, 0), "No"))) == [True]
    delivery.finish()
    delivery.hang_up()
    await turn()
    assert in_threads(lambda: delivery.context.set_status(ONE)) == [False]
    assert delivery.replies() == []
