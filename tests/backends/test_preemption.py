"""
Guarantee 21 for a relay: what one stranger can hold, ten strangers cannot take from everybody; each wait has an end,
and an answer.  Guarantee 23: a next server that fails, or whose name the DNS does not tell, is no verdict.
"""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.names import error

from tests.backends.relays import BIG, BODY, Relay, go_on, scripted, sending
from tests.internet import NEVER, REFUSES, Internet, Names, a, mx, server
from tests.wire.pools import Closing, Sparing
from txsmtpx import Connection, MailOptions, MXEndpoint, RcptOptions, RecipientsRefused, SMTPError, Timeouts
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, ScriptedServer

TO = ["one@example.net"]


class Stranger:
    """A client of the relay that says what it likes."""

    def __init__(self, to_next):
        self.relay = to_next
        self.client = to_next.here.greeted()

    def say(self, *commands):
        for verb, *words in commands:
            self.relay.here.result(getattr(self.client, verb)(*words))
        return self

    def envelope(self):
        return self.say(("mail", "me@example.org"), ("rcpt", TO[0]))


def places(to_next):
    (pool,) = to_next.backend.pools
    return pool._capacity.limit - pool._capacity.tokens


# ---- strangers


def test_ten_strangers_say_no_more(relay):
    """The eleventh has the connection of the first after a second; and the first does not notice."""
    to_next = relay(scripted())
    strangers = [Stranger(to_next).envelope() for _ in range(10)]
    assert places(to_next) == 10
    outcome = sending(to_next.client)
    go_on(to_next, 0.5)
    assert not outcome.fired
    go_on(to_next, 1)
    assert len(outcome.result().accepted) == 1
    assert len(to_next.there.servers) == 10
    for stranger in strangers:
        assert len(to_next.here.result(stranger.client.transmit(BODY))) == 1
    assert sum(len(each.messages) for each in to_next.there.servers) == 11
    assert places(to_next) == 0


BUSY = {
    "NOOP": lambda n: [("noop",)],
    "a further RCPT": lambda n: [("rcpt", f"{n}@example.net")],
    "another transaction": lambda n: [("reset",), ("mail", "me@example.org"), ("rcpt", TO[0])],
}


@pytest.mark.parametrize("what", BUSY)
def test_ten_strangers_that_are_never_idle(relay, what):
    to_next = relay(scripted(), wait=5)
    strangers = [Stranger(to_next).envelope() for _ in range(10)]
    outcome, turn = sending(to_next.client), iter(range(10_000))

    def busy():
        for stranger in strangers:
            for verb, *words in BUSY[what](next(turn)):
                Outcome(getattr(stranger.client, verb)(*words))
        to_next.here.flush()

    go_on(to_next, 2, busy)
    assert len(outcome.result().accepted) == 1
    go_on(to_next, 20)


def test_who_alone_is_slow_keeps_the_connection(relay):
    to_next = relay(scripted())
    stranger = Stranger(to_next).envelope()
    go_on(to_next, 100)
    stranger.say(("rcpt", "two@example.net"))
    to_next.here.result(stranger.client.transmit(BODY, 2))
    assert to_next.next.verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]


def test_the_envelope_is_said_again(relay):
    to_next = relay(scripted(offers=["XFORWARD ADDR", "SIZE", "DSN"]), size=1)
    stranger = Stranger(to_next)
    stranger.say(("mail", "me@example.org"), ("rcpt", "a@example.net"), ("rcpt", "b@example.net"))
    outcome = sending(to_next.client)
    go_on(to_next, 2)
    assert outcome.error is None
    stranger.say(("rcpt", "c@example.net"))
    assert len(to_next.here.result(stranger.client.transmit(BODY, 3))) == 1
    heard = [line for line in to_next.next.lines if line[:4] in ("MAIL", "RCPT", "RSET", "DATA", "XFOR")]
    whom, sender = "XFORWARD ADDR=192.0.2.1", "MAIL FROM:<me@example.org>"
    both = ["RCPT TO:<a@example.net>", "RCPT TO:<b@example.net>"]
    assert heard == [
        whom, sender, *both,
        "RSET", whom, heard[6], "RCPT TO:<one@example.net>", "DATA",
        "RSET", whom, sender, *both, "RCPT TO:<c@example.net>", "DATA",
    ]  # fmt: skip


AGAIN = [
    ({"RCPT": [None, None, "550 5.1.1 Not any more"]}, r"451 4\.4\.2"),
    ({"RCPT": [None, None, "450 4.2.1 Not now"]}, r"451 4\.4\.2"),
    ({"RCPT": [None, None, HANG_UP]}, None),
    ({"RCPT": [None, None, "421 4.3.2 Bye"]}, None),
    ({"MAIL": [None, None, "550 5.1.8 Not you any more"]}, r"550 5\.1\.8"),
    ({"MAIL": [None, None, HANG_UP]}, None),
    ({"MAIL": [None, None, "421 4.3.2 Bye"]}, None),
    ({"RSET": [None, HANG_UP]}, None),
]


@pytest.mark.parametrize(("script", "answer"), AGAIN)
def test_what_may_come_of_it(relay, script, answer):
    """What the client was told was accepted is accepted, or the message is refused for now."""
    to_next = relay(Closing(**script), scripted(), size=1)
    stranger = Stranger(to_next).envelope()
    outcome = sending(to_next.client)
    go_on(to_next, 2)
    assert outcome.error is None
    (reply,) = to_next.here.result(stranger.client.transmit(BODY))
    if answer is None:
        assert reply.positive
        assert sum(len(each.messages) for each in to_next.there.servers) == 2
    else:
        with pytest.raises(SMTPError, match=answer):
            raise SMTPError.from_reply(reply)
        assert sum(len(each.messages) for each in to_next.there.servers) == 1
    assert stranger.client.usable


def test_a_connection_that_was_lost_between_two_commands(relay):
    """The next server did not want to wait any longer."""
    to_next = relay(Closing(), Closing(), Closing())
    stranger = Stranger(to_next).envelope()
    to_next.next.send_reply("421 4.4.2 Idle")
    to_next.here.flush()
    stranger.say(("rcpt", "two@example.net"))
    to_next.next.transport.loseConnection()
    to_next.here.flush()
    assert to_next.here.result(stranger.client.transmit(BODY, 2))[0].positive
    assert to_next.next.verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]


# ---- within the message


def trickling(to_next, first):
    """A stranger whose message comes by and by; what becomes of it, and a function that sends a piece."""
    stranger = Stranger(to_next).envelope()
    pieces = []

    async def body():
        yield b"Subject: x\r\n\r\n"
        yield first
        while True:
            pieces.append(Deferred())
            piece = await pieces[-1]
            if not piece:
                return
            yield piece

    outcome = Outcome(stranger.client.data(body()))
    to_next.here.flush()
    return outcome, lambda piece=b"x": (pieces[-1].callback(piece), to_next.here.flush()), stranger


def test_a_small_message_that_comes_slowly_needs_no_connection_yet(relay):
    to_next = relay(scripted())
    strangers = [trickling(to_next, b"x" * 1000) for _ in range(10)]
    assert places(to_next) == 10
    outcome = sending(to_next.client)
    go_on(to_next, 2)
    assert len(outcome.result().accepted) == 1
    for outcome, piece, _ in strangers:
        piece()
        piece(b"")
        assert outcome.result()[0].positive
    assert sum(len(each.messages) for each in to_next.there.servers) == 11


def test_a_large_message_that_comes_slowly(relay):
    """The eleventh is told in seconds; and once the message has had its time it makes room."""
    to_next = relay(scripted(), wait=5, hold=60)
    strangers = [trickling(to_next, b"x" * 300_000) for _ in range(10)]
    assert all(each.raw for each in to_next.there.servers)
    outcome = sending(to_next.client)
    go_on(to_next, 4.8)
    assert not outcome.fired
    go_on(to_next, 0.5)
    assert isinstance(outcome.error, RecipientsRefused)
    ((_, reply),) = outcome.error.refused
    assert "451 4.3.2 All connections to the next server are in use, try again later" in str(reply)
    for _ in range(60):
        go_on(to_next, 1)
        for _, piece, _ in strangers:
            piece()
    outcome = sending(to_next.client)
    go_on(to_next, 1)
    assert len(outcome.result().accepted) == 1
    assert sum(len(each.messages) for each in to_next.there.servers) == 1  # that one: half a message is none
    (taken,) = [each for each in strangers if to_next.there.servers[strangers.index(each)].lost]
    result, piece, stranger = taken
    piece()
    piece(b"")
    (reply,) = result.result()
    assert str(reply) == "451 4.3.2 The message came too slowly while others waited, try again later"
    assert stranger.client.usable
    assert len(to_next.here.result(stranger.client.send("me@example.org", TO, BODY)).accepted) == 1
    for result, piece, _ in strangers:
        if not result.fired:
            piece(b"")
            assert result.result()[0].positive


def test_a_large_message_alone_has_all_the_time(relay):
    to_next = relay(scripted(), hold=60, size=1)
    outcome, piece, _ = trickling(to_next, b"x" * 300_000)
    for _ in range(300):
        go_on(to_next, 1)
        piece()
    piece(b"")
    assert outcome.result()[0].positive


@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
def test_a_message_that_is_complete_is_not_given_up(relay, lmtp, offers):
    """It may have been delivered."""
    to_next = relay(scripted(lmtp=lmtp, offers=offers, END=SILENCE), lmtp_there=lmtp, size=1, hold=1, wait=5)
    first = sending(to_next.client, BIG)
    to_next.here.flush()
    other = sending(to_next.here.greeted())
    go_on(to_next, 5.5)
    assert "4.3.2" in str(other.error)
    assert not first.fired
    to_next.next.send_reply("250 2.0.0 Taken")
    to_next.here.flush()
    assert len(first.result().accepted) == 1


def test_no_bounds_where_none_are_wanted(relay):
    to_next = relay(scripted(), wait=0, hold=0, size=1)
    first, piece, _ = trickling(to_next, b"x" * 300_000)
    outcome = sending(to_next.client)
    go_on(to_next, 200)
    assert not outcome.fired
    piece(b"")
    assert first.result()[0].positive
    assert len(outcome.result().accepted) == 1


def test_who_goes_while_it_waits_leaves_the_line(relay):
    to_next = relay(scripted(END=SILENCE), size=1)
    first = sending(to_next.client)
    other = to_next.here.greeted()
    sending(other)
    go_on(to_next, 1)
    assert to_next.backend.pools[0].waiting == 1
    other.abort()
    go_on(to_next, 0.1)
    assert to_next.backend.pools[0].waiting == 0
    assert places(to_next) == 1
    to_next.next.send_reply("250 2.0.0 Taken")
    to_next.here.flush()
    assert len(first.result().accepted) == 1


# ---- next servers that are of no use


@pytest.mark.parametrize("script", [{"GREETING": SILENCE}, {"EHLO": SILENCE}])
def test_a_next_server_that_accepts_and_says_nothing(relay, script):
    to_next = relay(scripted(**script))
    outcomes = [sending(to_next.here.greeted()) for _ in range(11)]
    go_on(to_next, 5.2)
    assert [each.fired for each in outcomes] == [False] * 10 + [True]
    assert "451 4.3.2" in str(outcomes[10].error)
    go_on(to_next, 25)
    assert ["451 4.4.1" in str(each.error) for each in outcomes[:10]] == [True] * 10
    assert all(each.lost for each in to_next.there.servers)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_next_server_that_falls_silent(relay, verb):
    to_next = relay(scripted(**{verb: SILENCE}), timeouts=Timeouts(mail=20, rcpt=20))
    outcomes = [sending(to_next.here.greeted()) for _ in range(11)]
    go_on(to_next, 5.2)
    assert "451 4.3.2" in str(outcomes[10].error)
    go_on(to_next, 50)
    assert ["451 4.4.2" in str(each.error) for each in outcomes[:10]] == [True] * 10


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL"])
def test_a_next_server_that_takes_fewer_connections(relay, verb):
    sparing = Sparing(2, verb, END=SILENCE)
    to_next = relay(sparing, wait=30)
    outcomes = [sending(to_next.here.greeted()) for _ in range(12)]
    answered = 0
    while answered < 12:
        go_on(to_next, 0.5)
        for each in sparing.servers:
            while len(each.messages) > each.answered:
                each.send_reply("250 2.0.0 Taken")
                each.answered += 1
                answered += 1
        to_next.here.flush()
    assert [each.error for each in outcomes] == [None] * 12
    assert sparing.messages == 12


@pytest.mark.parametrize("script", [{"MAIL": "421 4.3.2 Bye"}, {"MAIL": HANG_UP}, {"XFORWARD": HANG_UP}])
def test_one_that_leaves_before_it_has_taken_anything(relay, script):
    """The next has it."""
    bad, good = Network(lambda: Closing(["XFORWARD ADDR"], **script)), Network(scripted())
    to_next = relay(endpoints=[bad, good])
    for net in (bad, good):
        net.clock, net.pumps = to_next.there.clock, to_next.here.pumps
    for _ in range(3):
        assert len(to_next.send(to=TO).accepted) == 1
    assert len(good.servers[0].messages) == 3


# ---- the DNS


class ByName(Relay):
    """A relay to the exchangers of example.com, whose names the resolver knows, and of other endpoints after it."""

    def __init__(self, resolver, servers, domain="example.com", others=(), **how):
        internet = Internet(**servers)
        first = MXEndpoint(internet, domain, resolver=resolver)
        super().__init__(endpoints=[first, *others], **how)
        # All have one time, and are moved together.
        internet.net.pumps = self.here.pumps
        self.internet = internet
        internet.callLater, internet.seconds = self.there.clock.callLater, self.there.clock.seconds


@pytest.fixture
def by_name():
    made = []

    def make(*args, **how):
        made.append(ByName(*args, **how))
        return made[-1]

    yield make
    for each in made:
        each.end()


ONE, TWO = "192.0.2.1", "192.0.2.2"
GOOD = {"MX": {"example.com": [mx(10, "one"), mx(20, "two")]}, "A": {"one": a(ONE), "two": a(TWO)}}
DNS = {
    "no such domain": {"MX": {"example.com": error.DNSNameError()}},
    "SERVFAIL": {"MX": {"example.com": error.DNSServerError()}},
    "REFUSED": {"MX": {"example.com": error.DNSQueryRefusedError()}},
    "a time-out of the resolver": {"MX": {"example.com": error.DNSQueryTimeoutError(1)}},
    "silence": {"MX": {"example.com": NEVER}},
    "silence for the address": {"MX": {"example.com": []}, "A": {"example.com": NEVER}},
    "SERVFAIL for the address": {"MX": {"example.com": []}, "A": {"example.com": error.DNSServerError()}},
    "no address": {"MX": {"example.com": []}, "A": {"example.com": []}, "AAAA": {"example.com": []}},
    "no mail": {"MX": {"example.com": [mx(0, "")]}},
    "nonsense": {"MX": {"example.com": RuntimeError("nonsense")}},
    "nobody there": GOOD,
}


@pytest.mark.parametrize("what", DNS)
def test_the_dns_is_no_verdict(by_name, what):
    to_next = by_name(Names(**DNS[what]), {})
    outcome = sending(to_next.client)
    go_on(to_next, 61)
    ((_, reply),) = outcome.error.refused
    assert "451 4.4.1 The next server cannot be reached" in str(reply)
    assert to_next.client.usable


@pytest.mark.parametrize("what", DNS)
def test_the_next_server_where_the_dns_fails(by_name, what):
    good = Network(scripted())
    to_next = by_name(Names(**DNS[what]), {}, others=[good])
    good.clock, good.pumps = to_next.there.clock, to_next.here.pumps
    for _ in range(2):
        outcome = sending(to_next.client)
        go_on(to_next, 61)
        assert len(outcome.result().accepted) == 1


@pytest.mark.parametrize("domain", ["a..b", "x" * 64, "a b"])
def test_a_name_that_cannot_be_looked_up(by_name, domain):
    to_next = by_name(Names(), {}, domain)
    with pytest.raises(RecipientsRefused, match=r"451 4\.4\.1"):
        to_next.send(to=TO)


@pytest.mark.parametrize("first", [REFUSES, server(GREETING="421 4.3.2 Busy"), server(GREETING="554 5.7.1 No")])
def test_the_next_exchanger(by_name, first):
    to_next = by_name(Names(**GOOD), {ONE: first, TWO: server()})
    outcome = sending(to_next.client)
    go_on(to_next, 1)
    assert len(outcome.result().accepted) == 1
    assert len(to_next.internet.at[TWO][0].messages) == 1


# ---- what cannot be said


@pytest.mark.parametrize("address", ["a\r\nb@example.net", "a\0b@example.net"])
def test_an_address_that_cannot_be_said_to_the_next_server(relay, address):
    """Middleware before the relay may give it such a one: for good, and no traceback."""
    to_next = relay(scripted())
    session = to_next.backend.anonymous_login(Connection("1", "relay.example", False))

    def rcpt(recipient):
        return to_next.here.result(Deferred.fromCoroutine(session.rcpt(recipient, RcptOptions())))

    session.mail("me@example.org", MailOptions())
    with pytest.raises(SMTPError, match=r"^553 5\.1\.3"):
        rcpt(address)
    assert rcpt(TO[0]).positive
    session.reset()
    session.mail(address, MailOptions())
    with pytest.raises(SMTPError, match=r"^553 5\.1\.7"):
        rcpt(TO[0])
    assert not any("b@example.net" in line for line in to_next.next.lines)
    session.reset()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_next_server_that_is_silent_is_not_asked_twice(relay, verb):
    """The client waits for the answer to RCPT for five minutes (RFC 5321 §4.5.3.2.3), and gets one before."""
    to_next = relay(scripted(**{verb: SILENCE}))
    to_next.client.mail("me@example.org")
    given = Outcome(to_next.client.rcpt("one@example.net"))
    to_next.here.flush()
    to_next.here.advance(120)
    assert given.error.code == 451
    assert len(to_next.there.servers) == 1


@pytest.mark.parametrize("calm", [3, 99])
def test_a_next_server_that_closes_again_and_again(relay, calm):
    """Not once for each recipient; those that it has accepted get the message, if it takes it at last."""

    class Closing(ScriptedServer):
        def send_reply(self, answer):
            super().send_reply(answer)
            if "2.1.5" in str(answer) and self.verbs.count("RCPT") == len(made) < calm:
                self.transport.loseConnection()

    made = []
    to_next = relay(lambda: made.append(Closing()) or made[-1])
    to = [f"u{n}@example.net" for n in range(60)]
    outcome = Outcome(to_next.client.send("me@example.org", to, BODY))
    to_next.here.flush()
    assert len(made) < 10
    assert sum(each.verbs.count("RCPT") for each in made) < 60 + 10
    assert (len(outcome.result().accepted) > 50) is (calm == 3)
    assert {str(error.reply)[:9] for _, error in outcome.result().refused} == {"451 4.4.2"}
