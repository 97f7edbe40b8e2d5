"""Connections that are kept for the next message: whether one can still be used."""

from __future__ import annotations

import pytest

from tests.wire.pools import alive, send, sent
from txsmtpx.testing import HANG_UP, SILENCE, Network, ScriptedServer


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
