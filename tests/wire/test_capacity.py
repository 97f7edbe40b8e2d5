"""
Guarantee 21 for the pool: who waits has an answer in time; and a server that takes fewer connections than the pool
would like gets fewer, and each message its turn.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError, TimeoutError

from tests.internet import Internet, Names, a, mx
from tests.wire.test_pool import TO, alive, pool, send, sent  # noqa: F401  # a fixture
from txsmtpx import AllServersFailed, CommandCancelled, MXEndpoint, PoolBusy, SMTPError, SMTPPool
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer


class Closing(ScriptedServer):
    """
    It hears nothing more after it has said 421.

    Attributes:
        answered: Messages, by a test.
    """

    answered = 0

    def send_reply(self, answer):
        super().send_reply(answer)
        if isinstance(answer, str) and answer.startswith("421"):
            self._deaf, self._buffer = True, b""
            self.transport.loseConnection()


class Sparing:
    """
    Makes servers that take so many connections, and say so to each beyond that, at some point of the dialog.

    Attributes:
        most: Connections at a time, to be changed.
    """

    def __init__(self, most, verb="GREETING", answer="421 4.7.0 Too many connections", **script):
        self.most = most
        self.servers = []
        self._verb, self._answer, self._script = verb, answer, script

    def __call__(self):
        script = dict(self._script)
        if sum(not each.lost for each in self.servers) >= self.most:
            script[self._verb] = self._answer
        self.servers.append(Closing(**script))
        return self.servers[-1]

    @property
    def messages(self):
        return sum(len(each.messages) for each in self.servers)


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
def test_a_server_that_takes_fewer_connections(pool, verb, answer, offers, most):  # noqa: F811
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


def test_a_body_that_can_be_read_once_is_not_sent_again(pool):  # noqa: F811
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


def test_one_more_is_tried_after_a_while(pool):  # noqa: F811
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


def test_when_the_last_connection_is_gone_another_is_opened(pool):  # noqa: F811
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


def test_when_no_connection_is_left_and_none_can_be_had(pool):  # noqa: F811
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


def test_all_exchangers_say_421(pool):  # noqa: F811
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


def test_a_login_that_is_refused_is_not_about_the_number(pool):  # noqa: F811
    """To try again would lock the account."""
    net = Network(lambda: ScriptedServer(["AUTH PLAIN"], AUTH=next(answers)))
    answers = iter(["235 2.7.0 Yes", "535 5.7.8 No", "454 4.7.0 Too many logins", *["235 2.7.0 Yes"] * 9])
    bounded = pool(net, size=3, auth=("me", "secret"), allow_insecure_auth=True)
    outcomes = [send(bounded) for _ in range(3)]
    net.flush()
    assert [each.error is None for each in outcomes] == [True, False, True]
    assert outcomes[1].error.code == 535
    assert len(net.servers) == 3


def test_the_endpoint_is_gone_while_another_connection_stands(pool):  # noqa: F811
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


# ---- 421 and 221 to what was kept


@pytest.mark.parametrize("answer", ["221 2.0.0 Bye", "421 4.3.2 Bye", "500 5.5.1 What?", "nonsense", HANG_UP])
def test_a_kept_connection_that_ends_with_rset(pool, answer):  # noqa: F811
    net = Network(lambda: ScriptedServer(RSET=answer))
    kept = pool(net)
    for count in (1, 2, 3):
        sent(net, kept)
        assert [len(server.messages) for server in net.servers] == [1] * count
    assert "MAIL" not in net.servers[0].verbs[net.servers[0].verbs.index("RSET") :]


def test_a_kept_connection_that_is_left_with_221(pool):  # noqa: F811
    net = Network(lambda: ScriptedServer())
    kept = pool(net)
    sent(net, kept)
    net.servers[0].send_reply("221 2.0.0 Idle for too long")
    net.flush()
    sent(net, kept)
    assert [server.verbs.count("MAIL") for server in net.servers] == [1, 1]


def test_a_kept_connection_that_is_silent(pool):  # noqa: F811
    """A message waits ten seconds for it, not five minutes."""
    net = Network(lambda: ScriptedServer(RSET=SILENCE))
    kept = pool(net)
    sent(net, kept)
    outcome = send(kept)
    net.flush()
    net.clock.advance(9.9)
    net.flush()
    assert not outcome.fired
    net.clock.advance(0.2)
    net.flush()
    assert len(outcome.result().accepted) == 1
    assert len(alive(net)) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_kept_connection_that_takes_no_further_message(pool, verb):  # noqa: F811
    """A limit of messages a connection, of which the server tells by 421."""
    net = Network(lambda: ScriptedServer(**{verb: [None, None, "421 4.7.0 Enough"]}))
    kept = pool(net)
    sent(net, kept, 6)
    assert [len(server.messages) for server in net.servers] == [2, 2, 2]


def test_421_at_the_end_is_not_sent_again(pool):  # noqa: F811
    """Whether the server has it nobody knows."""
    net = Network(lambda: ScriptedServer(END=[None, "421 4.3.2 Bye"]))
    kept = pool(net)
    sent(net, kept)
    with pytest.raises(SMTPError, match="421"):
        net.result(kept.send("me@example.org", TO, b"x\r\n"))
    assert [len(server.messages) for server in net.servers] == [2]


# ---- a bound on waiting


def test_nobody_waits_for_ever(pool):  # noqa: F811
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


def test_a_server_that_never_greets(pool):  # noqa: F811
    net = Network(lambda: ScriptedServer(GREETING=SILENCE))
    bounded = pool(net, size=2)
    first = [Outcome(bounded.acquire(wait=5)) for _ in range(3)]
    net.clock.advance(5)
    net.flush()
    assert isinstance(first[2].error, PoolBusy)
    net.clock.advance(295)
    net.flush()
    assert all(isinstance(each.error, TimeoutError) for each in first[:2])


def test_for_ever_where_that_is_wanted(pool):  # noqa: F811
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


def test_they_are_served_in_their_order(pool):  # noqa: F811
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


def test_who_is_cancelled_leaves_the_line(pool):  # noqa: F811
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


def test_a_pause_is_not_longer_than_the_patience(pool):  # noqa: F811
    net = Network(lambda: ScriptedServer(GREETING="421 4.3.2 Later"))
    bounded = pool(net)
    for _ in range(4):
        outcome = send(bounded)
        net.clock.advance(60)
        net.flush()
        assert outcome.error.code == 421
    outcome = Outcome(bounded.acquire(wait=5))
    assert isinstance(outcome.error, PoolBusy)


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
