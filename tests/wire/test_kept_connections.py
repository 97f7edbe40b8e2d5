"""Connections that are kept for the next message: whether one can still be used."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.wire.pools import alive, send, sent
from txsmtpx import SMTPError
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer
from txsmtpx.wire.kept_connections import PROBE, KeptConnections


@pytest.mark.parametrize("answer", ["221 2.0.0 Bye", "421 4.3.2 Bye", "500 5.5.1 What?", "nonsense", HANG_UP])
def test_a_kept_connection_that_ends_with_rset(pool, answer):
    net = Network(lambda: ScriptedServer(RSET=answer))
    kept = pool(net)
    for count in (1, 2, 3):
        sent(net, kept)
        assert [len(server.messages) for server in net.servers] == [1] * count
    assert "MAIL" not in net.servers[0].verbs[net.servers[0].verbs.index("RSET") :]


def test_a_kept_connection_that_is_left_with_221(pool):
    net = Network(lambda: ScriptedServer())
    kept = pool(net)
    sent(net, kept)
    net.servers[0].send_reply("221 2.0.0 Idle for too long")
    net.flush()
    sent(net, kept)
    assert [server.verbs.count("MAIL") for server in net.servers] == [1, 1]


def test_a_kept_connection_that_is_silent(pool):
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


def test_idle_for_long(network, pool):
    net = network()
    idle = pool(net, idle=60)
    sent(net, idle)
    net.clock.advance(59)
    sent(net, idle)
    net.clock.advance(59)
    net.flush()
    assert len(alive(net)) == 1
    net.clock.advance(1)
    net.flush()
    assert alive(net) == []
    assert net.servers[0].verbs[-1] == "QUIT"
    sent(net, idle)
    assert len(net.servers) == 2


@pytest.mark.parametrize("how", ["closed", "421", "cross"])
def test_a_server_that_has_hung_up_meanwhile(network, pool, how):
    """It is noticed before anything is sent, so nothing is sent twice."""
    net = network(RSET=["500 5.5.1 Cross"] if how == "cross" else [])
    kept = pool(net)
    sent(net, kept)
    if how == "closed":
        net.servers[0].transport.loseConnection()
    elif how == "421":
        net.servers[0].send_reply("421 4.4.2 Idle")
    sent(net, kept)
    assert [len(server.messages) for server in net.servers] == [1, 1]
    assert net.servers[0].lost


# ---- by themselves


class Client:
    """A connection that was kept; a test says what it answers to RSET."""

    def __init__(self, usable=True):
        self.usable = usable
        self.aborted = False
        self.answer: Deferred[None] = Deferred()

    def reset(self):
        return self.answer

    def abort(self):
        self.aborted = True
        self.usable = False


class Kept:
    """Connections that are kept for ten seconds."""

    def __init__(self):
        self.clock = Clock()
        self.expired = []
        self.connections = KeptConnections(self.clock, 10, self.expired.append)


def test_the_connection_that_was_kept_last_is_used_first():
    kept, clients = Kept(), [Client() for _ in range(3)]
    assert kept.connections.take() is None
    for client in clients:
        kept.connections.add(client)
    assert [kept.connections.take() for _ in range(4)] == [*reversed(clients), None]
    assert kept.clock.getDelayedCalls() == []


def test_each_expires_after_its_time():
    kept, early, late = Kept(), Client(), Client()
    kept.connections.add(early)
    kept.clock.advance(5)
    kept.connections.add(late)
    kept.clock.advance(5)
    assert kept.expired == [early]
    assert kept.connections.take() is late
    kept.clock.advance(100)
    assert kept.expired == [early]


def test_one_that_answers_rset_can_be_used():
    kept, client = Kept(), Client()
    answers = Outcome(Deferred.fromCoroutine(kept.connections.answers(client)))
    assert not answers.fired
    client.answer.callback(None)
    assert answers.result() is True
    assert not client.aborted
    assert kept.clock.getDelayedCalls() == []


def test_one_that_is_closed_is_not_asked():
    client = Client(usable=False)
    assert Outcome(Deferred.fromCoroutine(Kept().connections.answers(client))).result() is False
    assert not client.answer.called


def test_one_that_has_sent_more_than_the_reply_cannot_be_used():
    client = Client()
    answers = Outcome(Deferred.fromCoroutine(Kept().connections.answers(client)))
    client.usable = False
    client.answer.callback(None)
    assert answers.result() is False


def test_one_that_is_silent_or_rejects_rset_is_aborted():
    for end in (lambda kept, client: client.answer.errback(SMTPError(421)), lambda kept, _: kept.clock.advance(PROBE)):
        kept, client = Kept(), Client()
        answers = Outcome(Deferred.fromCoroutine(kept.connections.answers(client)))
        end(kept, client)
        assert answers.result() is False
        assert client.aborted


def test_a_caller_that_cancels_has_no_answer():
    kept, client = Kept(), Client()
    asking = Deferred.fromCoroutine(kept.connections.answers(client))
    outcome = Outcome(asking)
    asking.cancel()
    assert isinstance(outcome.error, CancelledError)
