"""Guarantee 9 for the client: a time for each phase (RFC 5321 §4.5.3.2), and none for our own slowness."""

from __future__ import annotations

import dataclasses

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from txsmtpx import RelayBackend, SMTPClient, SMTPPool, Timeouts, connect, send_mail
from txsmtpx.dialog.transfer import CHUNK
from txsmtpx.testing import SILENCE, Outcome
from txsmtpx.wire.client_protocol import ClientProtocol
from txsmtpx.wire.client_settings import ClientSettings

PHASES = {
    # phase: (what is not answered, offers, how often it is answered before that)
    "greeting": ("GREETING", [], 0),
    "command": ("EHLO", [], 0),
    "mail": ("MAIL", [], 0),
    "rcpt": ("RCPT", [], 1),
    "data": ("DATA", [], 0),
    "end": ("END", [], 0),
}
CHUNKED = {
    "mail": ("MAIL", ["PIPELINING"], 0),
    "rcpt": ("RCPT", ["PIPELINING", "CHUNKING"], 1),
    "data": ("DATA", ["PIPELINING"], 0),
    "end": ("END", ["PIPELINING", "CHUNKING"], 0),
    "block": ("BDAT", ["CHUNKING"], 3),
}
ORDER = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "END"]
SECONDS = Timeouts(greeting=11, command=12, mail=13, rcpt=14, data=15, block=16, end=17, quit=18)


def sending_to(net, body=b"x\r\n", timeouts=SECONDS, **more):
    to = ["one@example.net", "two@example.net"]
    how = {"tls": "none", "timeouts": timeouts, "reactor": net.clock, **more}
    return send_mail(net, "me@example.org", to, body, **how)


def sending(net, body=b"x\r\n", timeouts=SECONDS, **more):
    return Outcome(sending_to(net, body, timeouts, **more))


@pytest.mark.parametrize(
    ("phase", "verb", "offers", "before"),
    [(phase, *rest) for table in (PHASES, CHUNKED) for phase, rest in table.items()],
)
def test_a_phase_has_its_time(network, phase, verb, offers, before):
    later = dict.fromkeys(ORDER[ORDER.index(verb) + 1 :], SILENCE)  # what was pipelined is not answered either
    net = network(offers=offers, **{verb: [None] * before + [SILENCE] * 100}, **later)
    body = b"x\r\n" if phase != "block" else [b"0123456789abcde\n" * 8192] * 20
    outcome = sending(net, body)
    net.flush()
    seconds = getattr(SECONDS, phase)
    net.clock.advance(seconds - 0.1)
    net.flush()
    assert not outcome.fired
    net.clock.advance(0.2)
    net.flush()
    assert isinstance(outcome.error, TimeoutError)
    assert f"no answer in time ({phase})" in str(outcome.error)
    assert net.servers[0].lost
    assert net.clock.getDelayedCalls() == []


def test_each_reply_that_prdr_promises_has_the_time_of_the_message():
    clock = Clock()
    protocol = ClientProtocol(ClientSettings(domain="localhost", timeouts=SECONDS), reactor=clock)
    client = SMTPClient(protocol)
    protocol.makeConnection(StringTransport())
    client.protocol.dataReceived(b"220 mx\r\n")
    client.hello()
    client.protocol.dataReceived(b"250-mx\r\n250-PIPELINING\r\n250 PRDR\r\n")
    outcome = Outcome(client.send("me@example.org", ["one@example.net", "two@example.net"], b"x\r\n"))
    client.protocol.dataReceived(b"250 ok\r\n" * 3 + b"354 go\r\n")
    client.protocol.dataReceived(b"353 each for himself\r\n")
    for _ in range(2):
        clock.advance(SECONDS.end - 0.1)
        assert not outcome.fired
        client.protocol.dataReceived(b"250 ok\r\n")
    clock.advance(SECONDS.end)
    assert len(outcome.result().accepted) == 2  # the one for all of them never came, and those that came count
    assert not client.usable


def test_every_reply_begins_a_new_time(network):
    net = network(offers=["PIPELINING"], MAIL=SILENCE, RCPT=SILENCE, DATA=SILENCE, END=SILENCE)
    outcome = sending(net, timeouts=Timeouts(command=10, mail=10, rcpt=10, data=10, end=10))
    net.flush()
    for said in ("250 2.1.0 a", "250 2.1.5 b", "250 2.1.5 c"):
        net.clock.advance(9)
        net.servers[0].send_reply(said)
        net.flush()
        assert not outcome.fired
    net.clock.advance(9)
    assert not outcome.fired
    net.clock.advance(2)
    assert "(data)" in str(outcome.error)


def test_lmtp_gives_each_recipient_the_time_of_the_end(network):
    net = network(lmtp=True, END=[SILENCE, SILENCE])
    outcome = sending(net, lmtp=True, timeouts=Timeouts(block=5, end=50))
    net.flush()
    for said in ("250 2.0.0 one", "250 2.0.0 two"):
        net.clock.advance(49)
        assert not outcome.fired
        net.servers[0].send_reply(said)
        net.flush()
    assert outcome.error is None


def test_nought_is_for_ever(network):
    net = network(END=SILENCE)
    outcome = sending(net, timeouts=Timeouts(command=5, mail=5, rcpt=5, data=5, block=5, end=0))
    net.flush()
    net.clock.advance(1_000_000)
    assert not outcome.fired
    net.servers[0].send_reply("250 2.0.0 At last")
    net.flush()
    assert outcome.error is None


def test_for_ever_is_not_as_long_as_the_phase_before(network):
    net = network(offers=["PIPELINING"], MAIL=SILENCE, RCPT=SILENCE, DATA=SILENCE)
    outcome = sending(net, timeouts=Timeouts(mail=5, rcpt=0))
    net.flush()
    net.servers[0].send_reply("250 2.1.0 Sender ok")
    net.flush()
    net.clock.advance(1_000_000)
    assert not outcome.fired
    net.servers[0].send_reply("421 4.3.2 Enough")
    net.flush()
    assert outcome.error is not None


def test_our_own_slowness_is_not_the_servers(network):
    """While the body is waited for, no clock runs during DATA; afterwards it does."""
    net = network(END=SILENCE)
    slow = []

    async def body():
        for _ in range(3):
            slow.append(Deferred())
            await slow[-1]
            yield b"x\r\n"

    outcome = sending(net, body())
    net.flush()
    for n in range(3):
        net.clock.advance(100)
        assert not outcome.fired
        slow[n].callback(None)
        net.flush()
    net.clock.advance(16.9)
    assert not outcome.fired
    net.clock.advance(0.2)
    assert "(end)" in str(outcome.error)


def reads_slowly_and_no_more(net, outcome, pieces):
    """The server takes so many pieces, each just in time, and no other."""
    for _ in range(pieces):
        net.clock.advance(15)
        assert not outcome.fired
        net.clients[0].transport.producer.resumeProducing()
    net.clock.advance(15.9)
    assert not outcome.fired
    net.clock.advance(0.2)
    net.flush()
    assert "(block)" in str(outcome.error)


def test_a_server_that_does_not_read(network):
    """A piece of the body has its own time, which begins again with each that is taken."""
    net = network()
    outcome = sending(net, iter([b"x\r\n"] * 5))
    client = net.clients[0]
    whole = client.write_body

    def write_body(octets):
        whole(octets)
        client.transport.producer.pauseProducing()

    client.write_body = write_body
    net.flush()
    reads_slowly_and_no_more(net, outcome, 3)


def test_a_server_that_reads_again_and_does_not_answer(network):
    net = network(offers=["CHUNKING"], BDAT=[SILENCE] * 100)
    outcome = sending(net, iter([b"x" * CHUNK] * 10))
    client = net.clients[0]
    whole = client.write

    def write(octets, body=b""):
        whole(octets, body)
        if body:
            client.transport.producer.pauseProducing()

    client.write = write
    net.flush()
    reads_slowly_and_no_more(net, outcome, 1)


def test_the_result_does_not_wait_for_the_farewell(network):
    """The server has accepted the message; QUIT is sent, and answered, or not, in the background."""
    net = network(QUIT=SILENCE)
    outcome = sending(net)
    net.flush()
    assert len(outcome.result().accepted) == 2
    assert net.servers[0].verbs[-1] == "QUIT"
    net.clock.advance(17.9)
    net.flush()
    assert not net.servers[0].lost
    net.clock.advance(0.2)
    net.flush()
    assert net.servers[0].lost
    assert net.clock.getDelayedCalls() == []


@pytest.mark.parametrize("answer", ["221 2.0.0 Bye", "421 4.3.2 Bye", "nonsense"])
def test_nothing_is_left_after_the_farewell(network, answer):
    net = network(QUIT=answer)
    assert len(net.result(sending_to(net)).accepted) == 2
    net.flush()
    assert net.servers[0].lost
    assert net.clock.getDelayedCalls() == []


def test_a_server_that_answers_the_farewell_and_stays(network):
    net = network(QUIT="250 2.0.0 I stay")
    outcome = sending(net)
    net.flush()
    assert outcome.error is None
    net.clock.advance(18.1)
    net.flush()
    assert net.servers[0].lost


def test_the_defaults_are_the_rfcs():
    """RFC 5321 §4.5.3.2.1 to §4.5.3.2.6."""
    times = Timeouts()
    assert (times.greeting, times.mail, times.rcpt) == (300, 300, 300)
    assert (times.data, times.block, times.end) == (120, 180, 600)


PHASE_NAMES = [field.name for field in dataclasses.fields(Timeouts)]


def test_one_number_is_the_time_of_each_phase():
    assert {getattr(Timeouts(30), name) for name in PHASE_NAMES} == {30}
    assert Timeouts(30, end=600) == Timeouts(**{**dict.fromkeys(PHASE_NAMES, 30), "end": 600})
    assert Timeouts(0).ready == Timeouts(0).quit == 0
    assert Timeouts() == Timeouts(ready=900, quit=10)
    assert dataclasses.replace(Timeouts(5), mail=0.5) == Timeouts(5, mail=0.5)


@pytest.mark.parametrize("timeouts", [7, 7.0, Timeouts(7)])
@pytest.mark.parametrize("silent", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
def test_one_number_where_timeouts_are_expected(network, timeouts, silent):
    net = network(**{silent: SILENCE})
    outcome = sending(net, timeouts=timeouts)
    net.flush()
    net.advance(6.9)
    assert not outcome.fired
    net.advance(0.2)
    assert isinstance(outcome.error, TimeoutError)
    net.advance(7)


@pytest.mark.parametrize(
    ("arguments", "phases", "error", "text"),
    [
        ((-1,), {}, ValueError, "time-out of every phase: seconds from 0, which is for ever, not -1"),
        ((float("nan"),), {}, ValueError, "time-out of every phase: seconds from 0, which is for ever, not nan"),
        ((), {"end": float("inf")}, ValueError, "time-out of end: seconds from 0, which is for ever, not inf"),
        (("30",), {}, TypeError, "time-out of every phase: a number of seconds, 0 for ever, not '30'"),
        ((True,), {}, TypeError, "time-out of every phase: a number of seconds, 0 for ever, not True"),
        ((), {"mail": "5"}, TypeError, "time-out of mail: a number of seconds, 0 for ever, not '5'"),
    ],
    ids=["negative", "nan", "infinite", "text", "bool", "a phase"],
)
def test_what_is_no_time_is_refused_by_its_name(arguments, phases, error, text):
    with pytest.raises(error) as caught:
        Timeouts(*arguments, **phases)
    assert str(caught.value) == text


TAKERS = {"connect": connect, "pool": SMTPPool, "relay": lambda net, **how: RelayBackend([net], **how)}


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
def test_a_wrong_number_is_refused_before_connecting(network, taker):
    net = network()
    with pytest.raises(ValueError, match="not -3"):
        taker(net, timeouts=-3, reactor=net.clock)
    assert not net.servers


def test_one_number_for_pools_and_relays(network):
    net = network(GREETING=SILENCE)
    pool = SMTPPool(net, timeouts=7, tls="none", reactor=net.clock)
    (of_relay,) = RelayBackend([net], timeouts=7, tls="none", reactor=net.clock).pools
    for each in (pool, of_relay):
        outcome = Outcome(each.send("me@example.org", ["you@example.net"], b"x\r\n"))
        net.flush()
        net.advance(6.9)
        assert not outcome.fired
        net.advance(0.2)
        assert isinstance(outcome.error, TimeoutError)
