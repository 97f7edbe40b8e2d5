"""The next servers of a relay: they take turns, and one that cannot be used is tried last."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from twisted.internet.defer import fail
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher

from tests.backends.relays import TO, Down, go_on, scripted, sending
from txsmtpx import RecipientsRefused, SMTPError
from txsmtpx.backends.next_servers import check
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome


def test_several_take_turns(relay):
    networks = [Network(scripted()) for _ in range(3)]
    to_next = relay(endpoints=networks)
    for network in networks:
        network.clock = to_next.there.clock
        network.pumps = to_next.here.pumps
    for _ in range(6):
        to_next.send()
    assert [len(network.servers[0].messages) for network in networks] == [2, 2, 2]


def test_one_that_is_down_is_stepped_around(relay):
    down, net = Down(), Network(scripted())
    to_next = relay(endpoints=[down, net])
    net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    for _ in range(5):
        assert len(to_next.send().accepted) == 3
    assert down.asked == 1
    to_next.there.clock.advance(31)
    for _ in range(2):
        to_next.send()
    assert down.asked == 2


@pytest.mark.parametrize("script", [{"GREETING": "421 4.7.0 no"}, {"GREETING": "554 5.7.1 no"}, {"EHLO": HANG_UP}])
def test_one_that_does_not_take_us_is_stepped_around(relay, script):
    bad, good = Network(scripted(**script)), Network(scripted())
    to_next = relay(endpoints=[bad, good])
    for net in (bad, good):
        net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    for _ in range(3):
        assert len(to_next.send().accepted) == 3
    assert len(bad.servers) == 1


def test_all_are_down(relay):
    to_next = relay(endpoints=[Down(), Down()])
    with pytest.raises(RecipientsRefused, match=r"451 4\.4\.1"):
        to_next.send()
    assert to_next.client.usable


def test_a_server_that_is_down_has_a_line_of_the_log_a_second(relay):
    events = []

    def observe(event):
        if event["log_namespace"] == "txsmtpx.backends.next_servers":
            events.append(event)

    globalLogPublisher.addObserver(observe)
    to_next = relay(endpoints=[Down()])
    for seconds in (0, 0, 0.5, 0.5, 0):
        to_next.there.clock.advance(seconds)
        with pytest.raises(RecipientsRefused, match=r"451 4\.4\.1"):
            to_next.send()
    globalLogPublisher.removeObserver(observe)
    assert len(events) == 2


def test_what_we_ask_for_is_not_there(relay):
    """TLS, which the next server does not offer: nothing goes to it."""
    net = Network(scripted())
    to_next = relay(endpoints=[net])
    for pool in to_next.backend.pools:
        pool.settings = replace(pool.settings, tls="required")
    net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    with pytest.raises(RecipientsRefused, match=r"451 4\.4\.1"):
        to_next.send()


def test_another_next_server_while_one_is_busy(relay):
    """Nobody waits for one while another is free."""
    slow, free = Network(scripted(END=SILENCE)), Network(scripted())
    to_next = relay(endpoints=[free, slow], size=1)  # the second has the first turn
    for net in (slow, free):
        net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    first = sending(to_next.here.greeted())
    to_next.here.flush()
    for _ in range(4):
        assert len(to_next.send(to=TO[:1]).accepted) == 1
    assert not first.fired
    assert len(free.servers[0].messages) == 4
    slow.servers[0].send_reply("250 2.0.0 Taken")
    to_next.here.flush()


def test_an_endpoint_of_others_that_raises_what_it_likes(relay, logged_failures):
    odd = Down()
    odd.connect = lambda factory: fail(LookupError("odd"))
    to_next = relay(endpoints=[odd])
    with pytest.raises(RecipientsRefused, match=r"451 4\.4\.1"):
        to_next.send(to=TO[:1])
    assert [each.type for each in logged_failures.flush(LookupError)] == [LookupError]


def test_what_stands_in_the_log(relay):
    from twisted.logger import formatEvent, globalLogPublisher

    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        to_next = relay(scripted(END=SILENCE), size=1, wait=5, hold=60)
        first = sending(to_next.client)
        to_next.here.flush()
        other = to_next.here.greeted()
        sending(other)
        go_on(to_next, 5.2)
    finally:
        globalLogPublisher.removeObserver(events.append)
    said = [formatEvent(each) for each in events if each.get("log_namespace", "").startswith("txsmtpx.backends")]
    (line,) = said
    assert "all connections to the next server are in use: " in line
    assert line.endswith("no connection to the server became free within 5 seconds")
    to_next.next.send_reply("250 2.0.0 Taken")
    to_next.here.flush()
    assert first.fired


TCP = "tcp:127.0.0.1:25"


def test_endpoints_that_can_be_used():
    check(MemoryReactorClock(), [TCP, "unix:/run/lmtp", ("mx.example.net", 25), Down()])


@pytest.mark.parametrize(("endpoints", "error", "text"), [
    ([], ValueError, "relay needs an endpoint: relay:tcp:HOST:PORT"),
    ([TCP, "tcp:mx.example.net"], ValueError, "tcp:mx.example.net"),
    ([TCP, "nonsense:x"], ValueError, "nonsense:x"),
    ([TCP, 25], TypeError, "25"),
    ([("mx.example.net", 0)], ValueError, "0"),
])  # fmt: skip
def test_endpoints_that_cannot(endpoints, error, text):
    """Guarantee 27: the error names the value."""
    with pytest.raises(error, match=re.escape(text)):
        check(MemoryReactorClock(), endpoints)


def test_a_server_is_one_again_as_soon_as_it_answers(relay):
    """One that was down is tried last, and then is no more down than the others."""
    bad, good = Network(scripted()), Network(scripted())
    to_next = relay(endpoints=[bad, good])
    for net in (bad, good):
        net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    servers = to_next.backend.next_servers
    assert len(servers) == 2
    refusal = SMTPError(421, (4, 3, 2), "Down")
    pool = to_next.backend.pools[0]
    client = Outcome(pool.acquire(5))
    to_next.here.flush()
    servers.note_421(pool, client.result(), refusal)
    pool.release(client.result())
    to_next.here.flush()
    for _ in range(4):
        to_next.send()
    assert sum(len(server.messages) for net in (bad, good) for server in net.servers) == 4
