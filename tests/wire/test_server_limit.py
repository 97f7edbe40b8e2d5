"""A server that accepts fewer connections than the pool may have, and the pauses that it asks for."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock

from tests.internet import Internet, Names, a, mx
from tests.wire.pools import TO, Sparing, alive, send, sent
from txsmtpx import (
    AllServersFailed,
    MXEndpoint,
    PoolBusy,
    SMTPError,
    SMTPPool,
)
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer
from txsmtpx.wire.capacity import Capacity
from txsmtpx.wire.server_limit import GROW_AFTER, LONGEST_PAUSE, STILL_COUNTED, ServerLimit

REFUSALS = [
    ("GREETING", "421 4.7.0 Too many connections"),
    ("GREETING", "450 4.7.0 Too many connections"),
    ("GREETING", "554 5.7.0 Too many connections"),
    ("GREETING", HANG_UP),
    ("EHLO", "421 4.7.0 Too many connections"),
    ("EHLO", "554 5.7.0 Too many connections"),
    ("EHLO", HANG_UP),
    ("MAIL", "421 4.7.0 Too many connections"),
    ("RCPT", "421 4.7.0 Too many connections"),
]


@pytest.mark.parametrize(("verb", "answer"), REFUSALS)
@pytest.mark.parametrize("offers", [[], ["PIPELINING"], ["PIPELINING", "CHUNKING"]], ids=["old", "flight", "chunks"])
@pytest.mark.parametrize("most", [1, 2, 9])
def test_a_server_that_takes_fewer_connections(pool, verb, answer, offers, most):
    """All are delivered, once, over those that it takes."""
    sparing = Sparing(most, verb, answer, offers=offers)
    net = Network(sparing)
    shrinking = pool(net, size=10)
    outcomes = [send(shrinking) for _ in range(12)]
    net.flush()
    assert [each.error for each in outcomes] == [None] * 12
    assert [each.fired for each in outcomes] == [True] * 12
    assert sparing.messages == 12
    assert len(alive(net)) <= most
    assert shrinking._capacity.limit == most


def test_one_more_is_tried_after_a_while(pool):
    sparing = Sparing(1)
    net = Network(sparing)
    growing = pool(net, size=3, idle=10_000)

    def together(count):
        outcomes = [send(growing) for _ in range(count)]
        net.flush()
        assert [each.error for each in outcomes] == [None] * count
        return len(sparing.servers)

    assert together(3) == 3
    assert growing._capacity.limit == 1
    assert together(3) == 3
    net.clock.advance(60)
    assert together(3) == 4  # which is refused
    assert growing._capacity.limit == 1
    sparing.most = 3
    net.clock.advance(60)
    assert together(3) == 5
    net.clock.advance(60)
    assert together(3) == 6
    assert growing._capacity.limit == 3
    assert len(alive(net)) == 3


def test_when_the_last_connection_is_gone_another_is_opened(pool):
    """What has waited for it need not hear what was said to it long ago."""
    sparing = Sparing(1, END=[SILENCE])
    net = Network(sparing)
    bounded = pool(net, size=2)
    first, second = send(bounded), send(bounded)
    net.flush()
    assert len(alive(net)) == 1
    sparing._script, sparing.most = {}, 2
    sparing.servers[0].transport.loseConnection()
    net.flush()
    assert first.error is not None
    assert len(second.result().accepted) == 1


def test_when_no_connection_is_left_and_none_can_be_had(pool):
    """Each learns what was said to it, or is said to the last of them."""
    sparing = Sparing(1, END=[SILENCE])
    net = Network(sparing)
    bounded = pool(net, size=4)
    outcomes = [send(bounded) for _ in range(4)]
    net.flush()
    sparing.most = 0
    sparing.servers[0].transport.loseConnection()
    net.flush()
    net.clock.advance(1)
    net.flush()
    assert [each.fired for each in outcomes] == [True] * 4
    assert [each.error.code for each in outcomes[1:]] == [421] * 3
    assert len({id(each.error) for each in outcomes}) == 4
    assert bounded._capacity.tokens == bounded._capacity.limit == 4


def test_all_exchangers_say_421(pool):
    net = Internet(**{f"192.0.2.{n}": Sparing(0) for n in (1, 2)})
    addresses = {"one": a("192.0.2.1"), "two": a("192.0.2.2")}
    resolver = Names(MX={"example.net": [mx(10, "one"), mx(20, "two")]}, A=addresses)
    bounded = SMTPPool(MXEndpoint(net, "example.net", resolver=resolver), tls="none", reactor=net, wait=0.5)
    for error in (AllServersFailed, PoolBusy):  # for it pauses a second, which is longer than a message waits
        outcome = Outcome(bounded.send("me@example.org", TO, b"x\r\n"))
        net.go_on(0.1)
        assert isinstance(outcome.error, error)
    assert Outcome(bounded.stopService()).fired
    assert net.getDelayedCalls() == []


def test_a_login_that_is_refused_is_not_about_the_number(pool):
    """To try again would lock the account."""
    net = Network(lambda: ScriptedServer(["AUTH PLAIN"], AUTH=next(answers)))
    answers = iter(["235 2.7.0 Yes", "535 5.7.8 No", "454 4.7.0 Too many logins", *["235 2.7.0 Yes"] * 9])
    bounded = pool(net, size=3, auth=("me", "secret"), allow_insecure_auth=True)
    outcomes = [send(bounded) for _ in range(3)]
    net.flush()
    assert [each.error is None for each in outcomes] == [True, False, True]
    assert outcomes[1].error.code == 535
    assert len(net.servers) == 3


def test_the_endpoint_is_gone_while_another_connection_stands(pool):
    net = Network(lambda: ScriptedServer(END=[SILENCE]))
    bounded = pool(net, size=2)
    first = send(bounded)
    net.flush()
    connect = net.connect
    net.connect = lambda factory: fail(ConnectionRefusedError())
    second = send(bounded)
    net.flush()
    assert not second.fired
    net.servers[0].send_reply("250 2.0.0 Taken")
    net.flush()
    assert first.error is second.error is None
    assert second.fired
    net.connect = connect


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_kept_connection_that_takes_no_further_message(pool, verb):
    """A limit of messages a connection, of which the server tells by 421."""
    net = Network(lambda: ScriptedServer(**{verb: [None, None, "421 4.7.0 Enough"]}))
    kept = pool(net)
    sent(net, kept, 6)
    assert [len(server.messages) for server in net.servers] == [2, 2, 2]


def test_421_at_the_end_is_not_sent_again(pool):
    """Whether the server has it nobody knows."""
    net = Network(lambda: ScriptedServer(END=[None, "421 4.3.2 Bye"]))
    kept = pool(net)
    sent(net, kept)
    with pytest.raises(SMTPError, match="421"):
        net.result(kept.send("me@example.org", TO, b"x\r\n"))
    assert [len(server.messages) for server in net.servers] == [2]


def test_a_pause_is_not_longer_than_the_patience(pool):
    net = Network(lambda: ScriptedServer(GREETING="421 4.3.2 Later"))
    bounded = pool(net)
    for _ in range(4):
        outcome = send(bounded)
        net.clock.advance(60)
        net.flush()
        assert outcome.error.code == 421
    outcome = Outcome(bounded.acquire(wait=5))
    assert isinstance(outcome.error, PoolBusy)


def test_421_makes_it_pause(network, pool):
    """Longer each time, one pause for all, and none after a success."""
    greetings = iter(["421 4.7.0 Later"] * 5)
    net = network(lambda: ScriptedServer(GREETING=next(greetings, None)))
    patient = pool(net, size=4)
    first = [send(patient) for _ in range(4)]
    net.flush()
    assert [outcome.error.code for outcome in first] == [421] * 4
    before = len(net.servers)
    second = send(patient)
    net.flush()
    net.clock.advance(0.9)
    assert len(net.servers) == before
    net.clock.advance(0.2)
    net.flush()
    assert second.error.code == 421
    third = send(patient)
    net.clock.advance(1.9)
    assert not third.fired
    net.clock.advance(0.2)
    net.flush()
    assert len(third.result().accepted) == 1
    sent(net, patient)


# ---- the limit by itself


def limited(size=10):
    clock = Clock()
    capacity = Capacity(clock, size, lambda: None)
    return clock, capacity, ServerLimit(clock, capacity)


BUSY = SMTPError(421, (4, 7, 0), "Too many connections", command="greeting")
LOGIN = SMTPError(535, (5, 7, 8), "No", command="AUTH")


def test_the_limit_is_that_of_the_connections_which_the_server_has():
    _, capacity, limit = limited()
    assert limit.rejected(BUSY, others=3)
    assert capacity.limit == 3
    assert limit.rejected(BUSY, others=5)  # which were being opened: it is not raised
    assert capacity.limit == 3


def test_it_grows_by_one_after_a_while():
    clock, capacity, limit = limited(4)
    limit.shrink(2, BUSY)
    limit.grow()
    assert capacity.limit == 2
    clock.advance(GROW_AFTER)
    limit.grow()
    limit.grow()
    assert capacity.limit == 3
    for _ in range(3):
        clock.advance(GROW_AFTER)
        limit.grow()
    assert capacity.limit == 4  # the size of the pool


def test_a_connection_that_is_the_only_one_has_the_error():
    _, capacity, limit = limited()
    limit.shrink(2, BUSY)
    assert not limit.rejected(BUSY, others=0)
    assert capacity.limit == 10  # the server has not shown how many it accepts


def test_a_421_directly_after_a_connection_was_closed_is_tried_again():
    clock, _, limit = limited()
    limit.closed()
    clock.advance(STILL_COUNTED - 0.1)
    assert limit.rejected(BUSY, others=0)
    clock.advance(0.2)
    assert not limit.rejected(BUSY, others=0)


def test_a_login_that_is_rejected_changes_no_limit():
    _, capacity, limit = limited()
    assert not limit.rejected(LOGIN, others=3)
    assert capacity.limit == 10


@pytest.mark.parametrize(
    ("messages", "others", "again", "left"), [(1, 0, True, 10), (0, 2, True, 2), (0, 0, False, 10)]
)
def test_a_421_to_a_transaction(messages, others, again, left):
    _, capacity, limit = limited()
    assert limit.note_421(BUSY, messages, others) is again
    assert capacity.limit == left
    assert not limit.note_421(LOGIN, messages, others)


def test_the_pauses_double_up_to_a_minute_and_begin_anew_after_a_success():
    clock, capacity, limit = limited()

    def pause():
        begun = clock.seconds()
        waiting = Outcome(Deferred.fromCoroutine(limit.pause(capacity.ticket(1000))))
        while not waiting.fired:
            clock.advance(0.5)
        return clock.seconds() - begun

    def after_421():
        limit.pause_after(BUSY)
        limit.pause_after(BUSY)  # one pause for all callers
        return pause()

    assert pause() == 0
    assert [after_421() for _ in range(8)] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    limit.accepted()
    assert after_421() == 1
    limit.pause_after(LOGIN)
    assert pause() == 0


def test_a_pause_that_is_longer_than_the_patience_of_a_caller_is_not_waited_for():
    clock, capacity, limit = limited()
    limit.pause_after(BUSY)
    waiting = Outcome(Deferred.fromCoroutine(limit.pause(capacity.ticket(0.5))))
    assert isinstance(waiting.error, PoolBusy)
    assert clock.getDelayedCalls() == []
