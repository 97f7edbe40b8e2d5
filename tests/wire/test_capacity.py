"""
Guarantee 21 for the pool: who waits has an answer in time; and a server that takes fewer connections than the pool
would like gets fewer, and each message its turn.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError

from tests.wire.pools import TO, Sparing, alive, send
from txsmtpx import CommandCancelled, PoolBusy, SMTPError, SMTPPool
from txsmtpx.testing import SILENCE, Network, Outcome, ScriptedServer


def test_a_body_that_can_be_read_once_is_not_sent_again(pool):
    """Where the server has said 421 to its MAIL, that is what its sender is told."""
    net = Network(Sparing(1, "MAIL", END=SILENCE))
    bounded = pool(net, size=2)
    first = send(bounded)
    net.flush()
    second = Outcome(bounded.send("me@example.org", TO, iter([b"x\r\n"])))
    net.flush()
    assert second.error.code == 421
    net.servers[0].send_reply("250 2.0.0 Taken")
    net.flush()
    assert first.error is None


# ---- a bound on waiting


def test_nobody_waits_for_ever(pool):
    net = Network(lambda: ScriptedServer(END=SILENCE))
    bounded = pool(net, size=2, wait=30)
    outcomes = [send(bounded) for _ in range(4)]
    net.clock.advance(29)
    net.flush()
    assert [each.fired for each in outcomes] == [False] * 4
    net.clock.advance(1)
    net.flush()
    assert [each.fired for each in outcomes] == [False, False, True, True]
    for each in outcomes[2:]:
        assert isinstance(each.error, PoolBusy)
        assert isinstance(each.error, TimeoutError)
        assert "no connection to the server became free within 30 seconds" in str(each.error)
        assert each.error.temporary
    assert outcomes[2].error is not outcomes[3].error
    for server in net.servers:
        server.send_reply("250 2.0.0 Taken")
    net.flush()
    assert [each.error for each in outcomes[:2]] == [None, None]
    assert bounded._capacity.waiting == 0


def test_a_server_that_never_greets(pool):
    net = Network(lambda: ScriptedServer(GREETING=SILENCE))
    bounded = pool(net, size=2)
    first = [Outcome(bounded.acquire(wait=5)) for _ in range(3)]
    net.clock.advance(5)
    net.flush()
    assert isinstance(first[2].error, PoolBusy)
    net.clock.advance(295)
    net.flush()
    assert all(isinstance(each.error, TimeoutError) for each in first[:2])


def test_for_ever_where_that_is_wanted(pool):
    net = Network(lambda: ScriptedServer(END=SILENCE))
    bounded = pool(net, size=1, wait=0)
    bounded_too = Outcome(bounded.acquire())
    outcome = send(bounded)
    net.flush()
    net.clock.advance(1_000_000)
    assert not outcome.fired
    bounded.release(bounded_too.result())
    net.flush()
    net.servers[-1].send_reply("250 2.0.0 Taken")
    net.flush()
    assert outcome.fired


def test_they_are_served_in_their_order(pool):
    """One that the server refused keeps its place in the line."""
    net = Network(Sparing(1, END=SILENCE))
    bounded = pool(net, size=2)
    outcomes = [Outcome(bounded.send("me@example.org", TO, b"%d\r\n" % n)) for n in range(4)]
    net.flush()
    for n in range(4):
        (server,) = alive(net)
        assert server.messages[-1] == b"%d\r\n" % n
        assert [each.fired for each in outcomes] == [k < n for k in range(4)]
        server.send_reply("250 2.0.0 Taken")
        net.flush()
    assert [each.error for each in outcomes] == [None] * 4


def test_who_is_cancelled_leaves_the_line(pool):
    net = Network(Sparing(1, END=SILENCE))
    bounded = pool(net, size=2)
    given = [bounded.send("me@example.org", TO, b"x\r\n") for _ in range(4)]
    outcomes = [Outcome(each) for each in given]
    net.flush()
    for each in given[1:3]:
        each.cancel()
    net.flush()
    assert all(isinstance(each.error, CancelledError) for each in outcomes[1:3])
    alive(net)[0].send_reply("250 2.0.0 Taken")
    net.flush()
    alive(net)[0].send_reply("250 2.0.0 Taken")
    net.flush()
    assert [outcomes[0].error, outcomes[3].error] == [None, None]
    assert bounded._capacity.tokens == bounded._capacity.limit


def test_a_pool_of_none():
    with pytest.raises(ValueError, match="size is at least 1, not 0"):
        SMTPPool("unix:next", size=0, reactor=Network().clock)


def test_stopping_lets_those_finish_that_wait():
    """The server still counts the connection that was closed a moment ago: that is no verdict either."""
    net = Network(Sparing(1, END=SILENCE))
    draining = SMTPPool(net, tls="none", reactor=net.clock, size=3)
    outcomes = [Outcome(draining.send("me@example.org", TO, b"x\r\n")) for _ in range(3)]
    net.flush()
    stopped = Outcome(draining.stopService())
    for _ in range(3):
        assert not stopped.fired
        alive(net)[0].send_reply("250 2.0.0 Taken")
        net.flush()
        net.clock.advance(1)
        net.flush()
    assert [each.error for each in outcomes] == [None] * 3
    assert stopped.fired
    assert net.clock.getDelayedCalls() == []


def test_cancelled_while_it_waits_after_a_421():
    net = Network(lambda: ScriptedServer(GREETING="421 4.3.2 Busy"))
    bounded = SMTPPool(net, tls="none", reactor=net.clock, size=1)
    first = Outcome(bounded.send("me@example.org", TO, b"x\r\n"))
    net.flush()
    assert isinstance(first.error, SMTPError)
    given = bounded.send("me@example.org", TO, b"x\r\n")
    outcome = Outcome(given)
    given.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert outcome.error.command == "connect"
    assert bounded._capacity.tokens == bounded._capacity.limit
    assert net.clock.getDelayedCalls() == []


def test_96_are_cancelled_whenever():
    """Nothing is left of them, and the pool has all its places."""
    net = Network(Sparing(3))
    bounded = SMTPPool(net, tls="none", reactor=net.clock, size=7)
    given: list[Deferred] = []
    for n in range(96):
        given.append(bounded.send("me@example.org", TO, b"x\r\n"))
        for pump in list(net.pumps)[n % 5 :: 3]:
            pump.pump()
        if n % 2:
            given[n * 7919 % len(given)].cancel()
    outcomes = [Outcome(each) for each in given]
    net.flush()
    net.clock.advance(1000)
    net.flush()
    assert all(each.fired for each in outcomes)
    assert all(each.error is None or isinstance(each.error, CommandCancelled) for each in outcomes)
    assert bounded._capacity.tokens == bounded._capacity.limit
    assert bounded._capacity.waiting == bounded._opening == 0
    stopped = Outcome(bounded.stopService())
    net.flush()
    assert stopped.fired
    assert alive(net) == []
    assert net.clock.getDelayedCalls() == []
