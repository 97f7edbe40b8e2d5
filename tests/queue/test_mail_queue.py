"""The queue from end to end: what is submitted is stored, delivered, tried again, and returned."""

from datetime import UTC, datetime

import pytest
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError

from tests.queue.queues import ANN, BOB, BODY, ME, Queues
from txsmtpx import MailOptions, MailQueue, RcptOptions
from txsmtpx.grammar.option_value import DeliverBy, ValidSince
from txsmtpx.queue.route import Route
from txsmtpx.testing import SILENCE, Outcome, ScriptedServer


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


@pytest.mark.parametrize("store", ["queue.db", None, MailQueue])
def test_a_store_that_is_none_is_refused(store):
    with pytest.raises(TypeError, match="store must be"):
        MailQueue(store)


def test_a_name_that_cannot_be_sent_is_refused(queues):
    with pytest.raises(ValueError, match="mail example"):
        queues(domain="mail example")


def test_an_unknown_argument_is_named(queues):
    with pytest.raises(TypeError, match="did you mean retry"):
        queues(retries=3)


@pytest.mark.parametrize("to", ["ann", "ann@", "a b@example.org", ""])
def test_a_recipient_that_is_none_is_refused_at_once(queues, to):
    one = queues()
    with pytest.raises(ValueError, match=r"address|recipient"):
        one.queue.submit(ME, [to], BODY)
    assert one.store.mails == {}


# ---- what a sender asks for


def mails(server):
    return [line for line in server.lines if line.startswith("MAIL")]


def test_a_message_is_held_until_its_time(queues):
    one = queues()
    one.submit(ANN, options=MailOptions(hold_for=3600))
    one.submit(BOB, options=MailOptions(hold_until=datetime.fromtimestamp(1_000_000 + 1800, UTC)))
    one.advance(1799)
    assert one.nets["*"].servers == []
    one.advance(1)
    assert one.kinds()[-1] == ("delivered", BOB)
    one.advance(1800)
    assert one.kinds()[-1] == ("delivered", ANN)


def test_the_next_server_is_not_asked_to_hold_it_again(queues):
    one = queues({"*": lambda: ScriptedServer(["FUTURERELEASE 99999 2040-01-01T00:00:00Z"])})
    one.submit(ANN, options=MailOptions(hold_for=60))
    one.advance(60)
    assert not any("HOLD" in line for line in mails(one.server()))
    assert one.store.mails == {}


def test_the_time_to_expire_begins_when_a_message_may_be_sent(queues):
    one = queues({"*": scripted(MAIL="451 4.3.0 Later")}, expire=1000.0, retry=300.0)
    one.submit(ANN, options=MailOptions(hold_for=3600))
    one.advance(3600)
    assert one.store.pending() == [(ANN, "waiting", 1)]


def test_a_message_that_must_be_there_in_time_is_returned_when_it_is_late(queues):
    one = queues({"*": lambda: ScriptedServer(["DELIVERBY"], MAIL="451 4.3.0 Later")}, retry=50.0)
    one.submit(ANN, options=MailOptions(deliver_by=DeliverBy(120, "R")))
    for _ in range(119):
        one.advance(1)
    assert one.store.final == []
    one.advance(1)  # the next attempt is at that time, and not after the usual wait
    assert [(each, state) for each, state, _ in one.store.final] == [(ANN, "failed")]
    assert one.store.final[0][2].startswith("550 5.4.7 ")


def test_the_next_server_gets_what_is_left_of_the_time(queues):
    one = queues({"*": lambda: ScriptedServer(["DELIVERBY"], MAIL=["451 4.3.0 Later"])}, retry=50.0)
    one.submit(ANN, options=MailOptions(deliver_by=DeliverBy(3600, "R")))
    one.advance(60)
    by = [line.partition("BY=")[2] for server in one.nets["*"].servers for line in mails(server)]
    assert by[0] == "3600;R"
    assert 3540 <= int(by[1].partition(";")[0]) <= 3560


def test_a_server_that_cannot_keep_to_a_time_does_not_get_such_a_message(queues):
    one = queues()
    one.submit(ANN, options=MailOptions(deliver_by=DeliverBy(3600, "R")))
    assert one.store.final[0][1:] == (
        "failed", "550 5.3.3 the server does not offer DELIVERBY",
    )  # fmt: skip
    assert not any("MAIL" in line for line in one.server().lines)


def test_a_message_that_should_be_there_in_time_is_delivered_late_all_the_same(queues):
    replies = ["451 4.3.0 Later", "451 4.3.0 Later"]  # of all connections
    one = queues({"*": scripted(MAIL=lambda argument: replies.pop() if replies else None)}, retry=50.0, failures=0)
    one.submit(ANN, options=MailOptions(deliver_by=DeliverBy(60, "N")))
    for _ in range(300):
        one.advance(1)
    assert one.kinds()[-1] == ("delivered", ANN)


def test_a_recipient_whose_owner_cannot_be_checked_fails_alone(queues):
    since = datetime(2020, 1, 1, tzinfo=UTC)
    one = queues()
    one.submit(
        (ANN, RcptOptions(valid_since=ValidSince(since, "R"))), (BOB, RcptOptions(valid_since=ValidSince(since, "C")))
    )
    assert [(each, state) for each, state, _ in one.store.final] == [(ANN, "failed"), (BOB, "delivered")]
    assert one.store.final[0][2].startswith("550 5.7.19 ")
    assert f"RCPT TO:<{ANN}>" not in one.server().lines


def test_rrvs_goes_to_a_server_that_offers_it(queues):
    one = queues({"*": lambda: ScriptedServer(["RRVS"])})
    one.submit((ANN, RcptOptions(valid_since=ValidSince(datetime(2020, 1, 1, tzinfo=UTC), "R"))))
    assert f"RCPT TO:<{ANN}> RRVS=2020-01-01T00:00:00Z;R" in one.server().lines


def test_the_highest_priority_comes_first(queues):
    one = queues(destination=1)
    one.queue.stopService()
    one.flush()
    for number, priority in enumerate([0, -5, 9, 3]):
        one.submit(f"{number}@example.net", options=MailOptions(priority=priority))
    one.queue.startService()
    one.flush()
    sent = [line for server in one.nets["*"].servers for line in server.lines if line.startswith("RCPT")]
    assert [line[9] for line in sent] == ["2", "3", "0", "1"]


# ---- connections


def test_one_connection_is_used_for_many_messages(queues):
    one = queues(connections=1)
    for _ in range(20):
        one.submit(ANN)
    assert len(one.nets["*"].servers) == 1
    assert len(one.server().messages) == 20


def test_each_destination_and_all_have_a_limit(queues):
    silent = {f"{name}.example": scripted(MAIL=SILENCE) for name in "abcdef"}
    one = queues(silent, deliveries=7, destination=3)
    for name in "abcdef":
        for _ in range(10):
            one.submit(f"x@{name}.example")
    open_connections = {name: len(net.servers) for name, net in one.nets.items()}
    assert sum(open_connections.values()) == 3  # half of them, before a message was accepted
    assert max(open_connections.values()) <= 2  # that is FIRST, before a message was accepted
    assert one.queue.activity().deliveries <= 70


def test_a_destination_that_hangs_does_not_stop_others(queues):
    one = queues({"hangs.example": scripted(GREETING=SILENCE), "*": ScriptedServer})
    for _ in range(50):
        one.submit("x@hangs.example")
    one.submit(ANN)
    assert one.kinds()[-1] == ("delivered", ANN)


def test_many_destinations_that_hang_leave_slots_to_those_that_work(queues):
    hanging = {f"h{number}.example": scripted(GREETING=SILENCE) for number in range(40)}
    one = queues({**hanging, "*": ScriptedServer}, deliveries=20)
    one.submit(ANN)
    for name in hanging:
        for _ in range(3):
            one.submit(f"x@{name}")
    for _ in range(30):
        one.submit(BOB)
    assert len([kind for kind, _ in one.kinds() if kind == "delivered"]) == 31
    assert sum(len(one.nets[name].servers) for name in hanging) == 10


def test_a_domain_that_is_new_does_not_wait_for_those_that_hang(queues):
    hanging = {f"h{number}.example": scripted(GREETING=SILENCE) for number in range(8)}
    one = queues({**hanging, "*": ScriptedServer}, deliveries=4)
    for name in hanging:
        for _ in range(3):
            one.submit(f"x@{name}")
    one.submit(ANN)
    assert one.kinds()[-1] == ("queued", ANN)
    for _ in range(8):
        one.advance(10)
    assert one.kinds()[-1] == ("delivered", ANN)


class Down:
    """An endpoint where no server listens."""

    def __init__(self):
        self.asked = 0

    def connect(self, factory):
        self.asked += 1
        return fail(ConnectionRefusedError())


def test_a_destination_whose_connections_fail_is_paused(queues):
    down = Down()
    one = queues(routes=[Route("down.example", down, tls="none")], failures=3, retry=1000.0)
    for _ in range(20):
        one.submit("x@down.example")
    assert down.asked == 3
    assert len(one.store.pending()) == 20
    assert "paused" in one.store.mails[list(one.store.mails)[-1]].recipients[0].reply
    one.submit("y@down.example")
    assert down.asked == 3


def test_after_the_pause_one_delivery_finds_out(queues):
    down = Down()
    one = queues(routes=[Route("down.example", down, tls="none")], failures=3, retry=100.0)
    for _ in range(20):
        one.submit("x@down.example")
    one.advance(130)
    assert down.asked == 4


# ---- the end


def test_a_stop_hands_back_what_waits_and_lets_deliveries_end(queues):
    one = queues({"*": scripted(END=SILENCE)}, connections=1)
    for _ in range(3):
        one.submit(ANN)
    stopped = Outcome(one.queue.stopService())
    one.flush()
    assert not stopped.fired
    assert sorted(attempts for _, _, attempts in one.store.pending()) == [0, 0, 1]
    one.advance(31)
    assert stopped.fired
    assert one.store.pending()[0][2] == 1  # it may have been delivered: this attempt counts


def test_a_delivery_that_is_aborted_before_the_message_was_sent_is_handed_back(queues):
    one = queues({"*": scripted(MAIL=SILENCE)})
    one.submit(ANN)
    one.queue.stopService()
    one.advance(31)
    assert one.store.pending() == [(ANN, "waiting", 0)]


def test_after_a_stop_it_can_start_again(queues):
    one = queues({"*": [ScriptedServer(MAIL="451 4.3.0 Later"), ScriptedServer()]})
    one.submit(ANN)
    one.stop(60)
    one.queue.startService()
    one.advance(400)
    assert one.store.mails == {}


def test_what_is_submitted_before_the_start_is_stored(queues):
    one = queues()
    one.stop(60)
    one.submit(ANN)
    assert one.store.pending() == [(ANN, "waiting", 0)]
