"""``SMTPPool``: connections are kept, given up and counted as they should be, and nothing is sent twice."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone

from tests.wire.pools import TO, alive, send, sent
from txsmtpx import CommandCancelled, Delivered, RecipientsRefused, SMTPError, SMTPPool
from txsmtpx.testing import SILENCE, Network, Outcome, ScriptedServer


def test_a_connection_is_kept_and_reset(network, pool):
    net = network(offers=["PIPELINING"])
    sent(net, pool(net), 3)
    (server,) = net.servers
    message = ["MAIL", "RCPT", "DATA"]
    assert server.verbs == ["EHLO", *message, "RSET", *message, "RSET", *message]


def test_a_refusal_harms_nobody(network, pool):
    net = network(MAIL=["550 5.1.0 No"], RCPT=["550 5.1.1 No"])
    kept = pool(net)
    with pytest.raises(SMTPError, match="MAIL: 550"):
        net.result(kept.send("me@example.org", TO, b""))
    with pytest.raises(RecipientsRefused):
        net.result(kept.send("me@example.org", TO, b""))
    sent(net, kept)
    assert len(net.servers) == 1


def test_so_many_connections_and_no_more(network, pool):
    net = network(END=[SILENCE])
    bounded = pool(net, size=3)
    outcomes = [send(bounded) for _ in range(7)]
    net.flush()
    assert len(net.servers) == 3
    assert [outcome.fired for outcome in outcomes] == [False] * 7
    for _ in range(3):
        for server in net.servers:
            server.send_reply("250 2.0.0 Taken")
            net.flush()
    assert [len(outcome.result().accepted) for outcome in outcomes] == [1] * 7
    assert len(net.servers) == 3


def test_so_many_messages_and_no_more(network, pool):
    net = network()
    sent(net, pool(net, max_messages=2), 5)
    assert [server.verbs.count("MAIL") for server in net.servers] == [2, 2, 1]
    assert [server.lost for server in net.servers] == [True, True, False]
    assert net.servers[0].verbs[-1] == "QUIT"


def test_a_place_is_free_when_its_connection_is_gone(network, pool):
    """A server that counts them would refuse one more."""
    net = network(QUIT=[SILENCE])
    bounded = pool(net, size=1, max_messages=1)
    sent(net, bounded)
    waiting = send(bounded)
    net.flush()
    assert len(net.servers) == 1
    net.servers[0].send_reply("221 2.0.0 Bye")
    net.flush()
    net.clock.advance(10)
    net.flush()
    assert waiting.error is None
    assert waiting.fired
    assert len(net.servers) == 2


def test_lost_at_the_end_it_is_not_sent_again(network, pool):
    """Whether the server has taken it nobody knows: that is the caller's to decide."""
    net = network(END=b"")
    outcome = send(pool(net))
    net.flush()
    assert isinstance(outcome.error, ConnectionDone)
    assert [len(server.messages) for server in net.servers] == [1]


def test_cancelled_while_it_waits_for_a_place(network, pool):
    net = network(END=[SILENCE])
    bounded = pool(net, size=1)
    first, second = send(bounded), bounded.send("me@example.org", TO, b"second\r\n")
    outcome, third = Outcome(second), send(bounded)
    net.flush()
    second.cancel()
    assert isinstance(outcome.error, CommandCancelled)
    assert (outcome.error.command, outcome.error.delivered) == ("connect", Delivered.NO)
    net.servers[0].send_reply("250 2.0.0 Taken")
    net.flush()
    assert first.error is third.error is None
    assert third.fired
    assert b"second\r\n" not in net.servers[0].messages


def test_cancelled_while_it_sends(network, pool):
    net = network(ScriptedServer(END=SILENCE), ScriptedServer())
    bounded = pool(net, size=1)
    given = bounded.send("me@example.org", TO, b"x\r\n")
    outcome = Outcome(given)
    net.flush()
    given.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert net.servers[0].lost
    sent(net, bounded)


def test_cancelled_while_it_asks_whether_a_connection_lives(network, pool):
    net = network(RSET=[SILENCE])
    bounded = pool(net, size=1)
    sent(net, bounded)
    given = bounded.send("me@example.org", TO, b"never\r\n")
    outcome = Outcome(given)
    net.flush()
    given.cancel()
    net.flush()
    assert isinstance(outcome.error, CancelledError)
    assert len(net.servers) == 1
    sent(net, bounded)
    assert [server.messages for server in net.servers] == [[b"x\r\n"], [b"x\r\n"]]


def test_cancelled_while_it_connects(pool):
    net = Network()
    net.connect = lambda factory: Deferred()
    bounded = pool(net, size=1)
    for _ in range(3):
        given = bounded.send("me@example.org", TO, b"x\r\n")
        outcome = Outcome(given)
        given.cancel()
        assert isinstance(outcome.error, CancelledError)


def test_stopping_drains(network):
    net = network(END=[SILENCE])
    pool = SMTPPool(net, tls="none", reactor=net.clock, size=2)
    pool.startService()
    under_way = [send(pool) for _ in range(3)]
    net.flush()
    stopped = Outcome(pool.stopService())
    net.flush()
    assert not stopped.fired
    for _ in range(2):
        for server in alive(net):
            server.send_reply("250 2.0.0 Taken")
            net.flush()
    assert [len(outcome.result().accepted) for outcome in under_way] == [1] * 3
    assert stopped.result() is None
    assert alive(net) == []
    assert {server.verbs[-1] for server in net.servers} == {"QUIT"}
    assert net.clock.getDelayedCalls() == []


def test_stopping_closes_what_is_kept(network):
    net = network()
    pool = SMTPPool(net, tls="none", reactor=net.clock)
    assert Outcome(pool.stopService()).result() is None
    pool.startService()
    sent(net, pool)
    assert net.result(pool.stopService()) is None
    assert alive(net) == []
    pool.startService()
    sent(net, pool)
    net.result(pool.stopService())


def test_a_login_is_for_every_connection(network, pool):
    """The same object logs in again and again."""
    from tests.sasl.test_mechanisms import MECHANISMS, PASSWORD, USER

    for name, (server, client_half) in MECHANISMS.items():
        net = network(offers=[f"AUTH {name}"], AUTH=server)
        auth = client_half(USER, PASSWORD)
        sent(net, pool(net, max_messages=1, auth=auth, allow_insecure_auth=True), 3)
        assert len(net.servers) == 3
