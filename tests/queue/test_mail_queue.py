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


def scripted(**script):
    return lambda: ScriptedServer(**script)


# ---- states of recipients


def test_each_recipient_has_a_state_of_its_own(queues):
    one = queues({"*": scripted(RCPT=["250 2.1.5 Ok", "450 4.2.0 Greylisted", "550 5.1.1 No such mailbox"])})
    one.submit(ANN, BOB, "carl@example.net")
    assert one.store.final == [
        (ANN, "delivered", "250 2.0.0 Taken"), ("carl@example.net", "failed", "550 5.1.1 No such mailbox"),
    ]  # fmt: skip
    assert one.store.pending()[1:2] == [(BOB, "waiting", 1)]
    one.advance(400)
    assert one.kinds()[-1] == ("delivered", BOB)
    assert [line for line in one.server().lines if line.startswith("RCPT")][-1] == f"RCPT TO:<{BOB}>"


def test_recipients_of_several_destinations_do_not_wait_for_each_other(queues):
    one = queues({"example.net": scripted(MAIL="451 4.3.0 Later"), "*": ScriptedServer})
    one.submit(ANN, BOB)
    assert [state for _, state, _ in one.store.pending()] == ["waiting", "delivered"]


def test_the_first_wait_is_the_setting_and_each_further_one_is_twice_as_long(queues):
    one = queues({"*": scripted(MAIL="451 4.3.0 Later")}, retry=100.0, retry_most=300.0, failures=0)
    one.submit(ANN)
    attempts = []
    for _ in range(2000):
        one.advance(1)
        attempts.append(one.store.pending()[0][2])
    waits = [attempts.count(number) for number in range(1, 6)]
    assert 80 <= waits[0] <= 121
    assert 160 <= waits[1] <= 241
    assert all(240 <= wait <= 361 for wait in waits[2:])


def test_between_attempts_nothing_looks_into_the_store(queues):
    one = queues({"*": scripted(MAIL="451 4.3.0 Later")})
    one.submit(ANN)
    looks = one.store.looks
    one.advance(230)
    assert one.store.looks == looks
    assert len(one.clock.getDelayedCalls()) <= 4  # the next look, the connection that is kept, and the destination


def test_after_its_time_a_message_expires_with_a_last_attempt(queues):
    one = queues({"*": scripted(MAIL="451 4.3.0 Disk full")}, retry=100.0, expire=250.0)
    one.submit(ANN)
    for _ in range(260):
        one.advance(1)
    assert one.store.final == [(ANN, "expired", "451 4.3.0 Disk full")]
    assert one.kinds()[-1] == ("expired", ANN)
    assert one.store.mails == {}


# ---- what may have been delivered


def lost_at_the_end():
    return scripted(END=b"")


def test_what_may_have_been_delivered_is_sent_again(queues):
    one = queues({"*": [ScriptedServer(END=b""), ScriptedServer()]})
    one.submit(ANN)
    assert one.kinds()[-1] == ("deferred", ANN)
    one.advance(400)
    assert one.store.final == [(ANN, "delivered", "250 2.0.0 Taken")]
    assert [len(server.messages) for server in one.nets["*"].servers] == [1, 1]


def test_or_it_is_returned_if_the_operator_wants_that(queues):
    one = queues({"*": [ScriptedServer(END=b""), ScriptedServer()]}, unsure="return")
    one.submit(ANN)
    assert [state for _, state, _ in one.store.final] == ["failed"]


# ---- the settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [("retry", 0), ("expire", -1), ("retry_most", 1), ("delay_report", -1), ("deliveries", 0), ("destination", 0),
     ("failures", -1), ("unsure", "maybe")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(queues, setting, value):
    with pytest.raises(ValueError, match=rf"queue_{setting} must be .*{value}"):
        queues(**{setting: value})


def test_an_unknown_argument_is_named(queues):
    with pytest.raises(TypeError, match="did you mean retry"):
        queues(retries=3)


@pytest.mark.parametrize("to", ["ann", "ann@", "a b@example.org", ""])
def test_a_recipient_that_is_none_is_refused_at_once(queues, to):
    one = queues()
    with pytest.raises(ValueError, match=r"address|recipient"):
        one.queue.submit(ME, [to], BODY)
    assert one.store.mails == {}
