"""The relay backend: the next server's word is ours, for each recipient; half a message is none; and no open relay."""

from __future__ import annotations

import contextlib

import pytest
from twisted.internet.defer import Deferred

from tests.backends.relays import BIG, BODY, TO, scripted
from txsmtpx import (
    MailOptions,
    RcptOptions,
    RecipientsRefused,
    RelayBackend,
    Reply,
    SMTPError,
    SMTPServerFactory,
)
from txsmtpx.dialog.buffer import PIECE
from txsmtpx.dialog.message import PIECES
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.extensions.futurerelease import FUTURERELEASE
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.testing import HANG_UP, SILENCE, Network, Outcome, RecordingBackend, ScriptedServer


def test_small_chunks_go_on_joined(relay):
    """Otherwise each would cost the next server, and us, a command of its own."""
    to_next = relay(scripted(offers=["PIPELINING", "CHUNKING"]))
    to_next.here.result(to_next.client.mail("me@example.org"))
    to_next.here.result(to_next.client.rcpt(TO[0]))
    crumbs = len(BIG) // 100
    dialog = next(iter(to_next.factory.connections)).dialog
    for at in range(0, crumbs, 2):
        dialog.line_received(b"BDAT 2", False)
        assert dialog.body_received(BIG[at : at + 2], 0)[0] == 2
    dialog.line_received(b"BDAT 0 LAST", False)
    to_next.here.flush()
    (message,) = to_next.next.messages
    assert message.endswith(b"\r\n" + BIG[:crumbs])
    assert len(to_next.next.chunks) < PIECES + crumbs // PIECE + 5


def test_a_refusal_for_all_recipients_does_not_grow(relay):
    """A temporary one is no error of the client's, which may go on for as long as it likes."""
    to_next = relay(scripted(MAIL="451 4.7.1 Later"))
    to_next.here.result(to_next.client.mail("me@example.org"))
    session = next(iter(to_next.factory.connections)).dialog.session
    sizes = []
    for _ in range(20):
        with pytest.raises(SMTPError, match=r"451 4\.7\.1 Later"):
            to_next.here.result(to_next.client.rcpt(TO[0]))
        frame, size = session._next._refusal.__traceback__, 0
        while frame is not None:
            frame, size = frame.tb_next, size + 1
        sizes.append(size)
    assert sizes == [sizes[0]] * 20


PAIRS = [(False, False), (False, True), (True, True), (True, False)]


@pytest.mark.parametrize(("here", "there"), PAIRS, ids=["SMTP-SMTP", "SMTP-LMTP", "LMTP-LMTP", "LMTP-SMTP"])
@pytest.mark.parametrize("offers", [[], ["PIPELINING", "CHUNKING", "8BITMIME"]], ids=["old", "new"])
@pytest.mark.parametrize("body", [BODY, BIG], ids=["small", "big"])
def test_what_comes_goes_on(relay, here, there, offers, body):
    to_next = relay(scripted(offers=offers, lmtp=there), lmtp_here=here, lmtp_there=there)
    for count in (1, 2):
        assert len(to_next.send(body).accepted) == 3
        assert len(to_next.next.messages) == count
    octets = to_next.next.messages[-1]
    assert octets.endswith(body)
    assert octets.startswith(b"Received: from ")
    assert octets[: -len(body)].count(b"Received:") == 1
    assert len(to_next.there.servers) == 1


def test_replies_are_transparent(relay):
    there = scripted(
        MAIL=["250 2.1.0 the sender", "550 5.1.8 not the sender", "451 4.7.1 greylisted"],
        RCPT=["250 2.1.5 first", "550-5.1.1 second\n550 5.1.1 line", "452 nothing enhanced"],
        END=["250 2.6.0 queued there as 7"],
    )
    to_next = relay(there)
    client, result = to_next.client, to_next.here.result
    assert str(result(client.mail("me@example.org"))) == "250 2.1.0 Sender ok"  # nobody has been asked yet
    assert str(result(client.rcpt("one@example.net"))) == "250 2.1.5 first"
    with pytest.raises(SMTPError) as caught:
        result(client.rcpt("two@example.net"))
    assert str(caught.value) == "RCPT: 550-5.1.1 second\n550 5.1.1 line"
    with pytest.raises(SMTPError) as caught:
        result(client.rcpt("three@example.net"))
    assert (caught.value.code, caught.value.enhanced_code) == (452, (4, 0, 0))
    assert [str(reply) for reply in result(client.transmit(BODY))] == ["250 2.6.0 queued there as 7"]
    for refused in ("550 5.1.8 not the sender", "451 4.7.1 greylisted"):
        result(client.mail("me@example.org"))
        for _ in range(2):
            with pytest.raises(SMTPError) as caught:
                result(client.rcpt("one@example.net"))
            assert str(caught.value) == f"RCPT: {refused}"
        result(client.reset())
    assert to_next.next.verbs.count("MAIL") == 3  # each sender was asked about once


def test_who_has_no_recipient_takes_no_connection(relay):
    """However many there are: they cannot keep others from it."""
    to_next = relay(scripted(), size=1)
    idle = [to_next.here.greeted() for _ in range(3)]
    for client in idle:
        to_next.here.result(client.mail("me@example.org"))
        with pytest.raises(SMTPError, match=r"550 5\.7\.1"):
            to_next.here.result(client.rcpt("you@elsewhere.example"))
    assert to_next.there.servers == []
    assert len(to_next.send().accepted) == 3
    assert to_next.next.verbs == ["EHLO", "MAIL", "RCPT", "RCPT", "RCPT", "DATA"]


def test_what_time_has_passed_is_told(relay):
    """RFC 2852 §4.1.4: the next server hears what is left."""
    to_next = relay(scripted(offers=["DELIVERBY", "FUTURERELEASE 3600 2099-01-01T00:00:00Z"]), more=[DELIVERBY,
                    FUTURERELEASE], max_hold=3600)  # fmt: skip
    client, result = to_next.client, to_next.here.result
    for by, hold, said in [(DeliverBy(60, "R"), 30, "BY=50;R HOLDFOR=20"), (DeliverBy(9, "N"), 5, "BY=-1;N"),
                           (DeliverBy(-999_999_995, "N"), None, "BY=-999999999;N"),
                           (DeliverBy(10, "R"), None, None)]:  # fmt: skip
        result(client.mail("me@example.org", MailOptions(deliver_by=by, hold_for=hold)))
        to_next.there.clock.advance(10)
        if said is None:
            with pytest.raises(SMTPError, match=r"RCPT: 555 5\.4\.7"):
                result(client.rcpt(TO[0]))
        else:
            result(client.rcpt(TO[0]))
            assert [line for line in to_next.next.lines if line.startswith("MAIL")][-1] == (
                f"MAIL FROM:<me@example.org> {said}"
            )
        result(client.reset())


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
def test_the_message_is_refused_there(relay, offers):
    to_next = relay(scripted(offers=offers, END=["554 5.6.0 spam"]))
    with pytest.raises(SMTPError) as caught:
        to_next.send()
    assert str(caught.value).endswith("554 5.6.0 spam")
    assert len(to_next.send().accepted) == 3


def test_421_there_is_451_here(relay):
    """It ends their connection, not ours."""
    to_next = relay(ScriptedServer(END="421 4.3.2 going down"), ScriptedServer())
    with pytest.raises(SMTPError) as caught:
        to_next.send()
    assert str(caught.value).endswith("451 4.3.2 going down")
    assert to_next.client.usable
    assert len(to_next.send().accepted) == 3
    assert len(to_next.there.servers) == 2


def told(outcomes):
    """What was said, less the name of the recipient that our server may put before it."""
    said = [(recipient, getattr(outcome, "reply", outcome)) for recipient, outcome in outcomes]
    return [str(reply).replace(f"<{recipient}> ", "") for recipient, reply in said]


@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
def test_each_recipients_fate(relay, offers):
    """The same address twice is two of them."""
    ends = ["250 2.0.0 one", "452 4.2.2 over quota", "550 5.2.1 disabled"]
    to_next = relay(scripted(offers=offers, lmtp=True, END=list(ends)), lmtp_here=True, lmtp_there=True)
    result = to_next.send()
    assert [each for each, _ in result.accepted] == TO[:1]
    assert [each for each, _ in result.refused] == TO[1:]
    assert told([*result.accepted, *result.refused]) == ends


def test_each_recipients_fate_to_a_client_that_has_one_reply(relay):
    """SMTP to LMTP: one failure is a failure, so that the client keeps the message."""
    ends = ["250 2.0.0 one", "452 4.2.2 over quota", "250 2.0.0 three"]
    to_next = relay(scripted(lmtp=True, END=list(ends)), lmtp_there=True)
    to_next.client.protocol.dialog.learn(Reply(250, None, "here"), verified=False)  # without PRDR
    with pytest.raises(SMTPError, match=r"452 4\.2\.2 (<.*> )?over quota"):
        to_next.send()


def test_all_refused_after_the_data(relay):
    ends = ["550 5.2.1 a", "452 4.2.2 b", "550 5.2.1 c"]
    to_next = relay(scripted(lmtp=True, END=list(ends)), lmtp_here=True, lmtp_there=True)
    with pytest.raises(RecipientsRefused) as caught:
        to_next.send()
    assert told(caught.value.refused) == ends


@pytest.mark.parametrize("end", [HANG_UP, "421 4.3.2 Down", "nonsense"], ids=repr)
@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
def test_the_next_server_is_lost_after_some_had_it(relay, offers, end):
    """The client has to try again for the third alone."""
    there = scripted(offers=offers, lmtp=True, END=["250 2.0.0 one", "550 5.2.1 two", end])
    to_next = relay(there, lmtp_here=True, lmtp_there=True)
    result = to_next.send()
    assert told(result.accepted) == ["250 2.0.0 one"]
    third = "451 4.3.2 Down" if end == "421 4.3.2 Down" else "451 4.4.2 The connection to the next server was lost"
    assert told(result.refused) == ["550 5.2.1 two", third]


def test_a_reply_without_measure_is_cut(relay):
    line = "x" * 4000
    to_next = relay(scripted(RCPT="\n".join([f"550-5.1.1 {line}"] * 500 + ["550 5.1.1 end"])))
    with pytest.raises(RecipientsRefused) as caught:
        to_next.send()
    for _, error in caught.value.refused:
        assert error.code == 550
        assert len(str(error)) < 15_000


def test_options_go_on(relay):
    offers = ["SIZE", "8BITMIME", "SMTPUTF8", "DSN"]
    to_next = relay(scripted(offers=offers))
    options = MailOptions(smtputf8=True, body="8BITMIME", size=100, ret="FULL", envid="7")
    to = [("öne@example.net", RcptOptions(notify=frozenset({"DELAY"})))]
    to_next.send("Subject: ü\r\n\r\n".encode(), to, options)
    mail, rcpt = to_next.next.lines[1:3]
    assert set(mail.split()[1:]) == {
        "FROM:<me@example.org>", "SMTPUTF8", "BODY=8BITMIME", "SIZE=100", "RET=FULL", "ENVID=7",
    }  # fmt: skip
    assert rcpt == "RCPT TO:<öne@example.net> NOTIFY=DELAY"


def test_what_the_next_server_does_not_offer(relay):
    to_next = relay(scripted())
    with pytest.raises(RecipientsRefused, match=r"550 5\.6\.7"):
        to_next.send(BODY, ["öne@example.net"])
    assert to_next.next.messages == []
    assert len(to_next.send().accepted) == 3


# ---- what is lost


def half(to_next, lmtp_there=False):
    """A message of which half has come; what becomes of it, and the way to let the rest come."""
    rest = Deferred()

    async def body():
        yield BIG
        yield BIG
        await rest
        yield BODY

    outcome = Outcome(to_next.client.send("me@example.org", TO, body()))
    to_next.here.flush()
    assert not outcome.fired
    return outcome, rest


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
@pytest.mark.parametrize("lmtp", [False, True])
def test_the_peer_is_lost_in_mid_body(relay, offers, lmtp):
    """The next server has no message; after chunks RSET ends the transaction, after DATA only an abort does."""
    to_next = relay(scripted(offers=offers, lmtp=lmtp), lmtp_there=lmtp)
    outcome, _ = half(to_next)
    assert to_next.next.raw or to_next.next.chunks
    to_next.client.abort()
    to_next.here.flush()
    assert outcome.error is not None
    assert to_next.next.messages == []
    assert to_next.next.lost is (offers == [])
    to_next.client = to_next.here.greeted()
    assert len(to_next.send().accepted) == 3
    assert len(to_next.next.messages) == 1
    assert to_next.backend.pools[0]._capacity.tokens == to_next.backend.pools[0]._capacity.limit


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
def test_the_next_server_is_lost_in_mid_body(relay, offers):
    to_next = relay(scripted(offers=offers))
    outcome, rest = half(to_next)
    to_next.next.transport.loseConnection()
    to_next.here.flush()
    rest.callback(None)
    to_next.here.flush()
    assert isinstance(outcome.error, SMTPError)
    assert (outcome.error.code, outcome.error.enhanced_code) == (451, (4, 4, 2))
    assert len(to_next.send().accepted) == 3


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("answer", [HANG_UP, "nonsense"], ids=["lost", "nonsense"])
def test_the_next_server_fails(relay, verb, answer):
    to_next = relay(scripted(**{verb: answer}))
    with pytest.raises((SMTPError, RecipientsRefused), match=r"451 4\.4\.2"):
        to_next.send()
    assert to_next.client.usable


def test_the_peer_leaves_between_commands(relay):
    """The connection there is fit for the next."""
    to_next = relay(scripted())
    to_next.here.result(to_next.client.mail("me@example.org"))
    to_next.here.result(to_next.client.rcpt(TO[0]))
    to_next.here.result(to_next.client.quit())
    to_next.client = to_next.here.greeted()
    assert len(to_next.send().accepted) == 3
    assert len(to_next.there.servers) == 1
    assert to_next.next.verbs[:4] == ["EHLO", "MAIL", "RCPT", "RSET"]


def test_the_peer_leaves_while_the_next_server_thinks(relay):
    to_next = relay(scripted(RCPT=SILENCE))
    to_next.here.result(to_next.client.mail("me@example.org"))
    Outcome(to_next.client.rcpt(TO[0]))
    to_next.here.flush()
    to_next.client.abort()
    to_next.here.flush()
    assert to_next.next.lost


# ---- several


# ---- loops, and strangers


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
def test_a_message_that_goes_round(relay, offers):
    hop = b"Received: from a\r\n\tby b\r\nreceived: from b by c\r\n"
    innocent = b"Subject: Received: x\r\n\r\n" + hop * 100
    to_next = relay(scripted(offers=offers))
    with pytest.raises(SMTPError, match=r"554 5\.4\.6"):
        to_next.send(hop * 50 + BODY)
    assert to_next.next.messages == []
    assert len(to_next.send(hop * 49 + BODY).accepted) == 3
    assert len(to_next.send(innocent).accepted) == 3
    with pytest.raises(SMTPError, match=r"554 5\.4\.6"):
        to_next.send(hop * 50)  # no body at all


STRANGE = ["you@example.com", "you@sub.example.net", "you@example.net.evil.example", "you@[192.0.2.1]"]


@pytest.mark.parametrize("to", STRANGE)
def test_strangers_are_not_relayed(relay, to):
    to_next = relay(scripted())
    with pytest.raises(RecipientsRefused, match=r"550 5\.7\.1"):
        to_next.send(to=[to])
    assert to_next.there.servers == []
    assert len(to_next.send(to=["You@EXAMPLE.net"]).accepted) == 1


@pytest.mark.parametrize("named", ["b\u00fccher.example", "B\u00dcCHER.example.", "XN--BCHER-KVA.example"], ids=ascii)
def test_a_domain_is_relayed_to_however_it_is_written(relay, named):
    to_next = relay(scripted(offers=["SMTPUTF8"]), domains=[named])
    for domain in ("b\u00fccher.example", "BU\u0308CHER.example", "xn--bcher-kva.example"):
        assert len(to_next.send(to=[f"you@{domain}"]).accepted) == 1
    for domain in ("bucher.example", "xn--bcher.example", "b\u00fccher.example.org"):
        with pytest.raises(RecipientsRefused, match=r"550 5\.7\.1"):
            to_next.send(to=[f"you@{domain}"])


def test_a_domain_that_is_none_is_not_relayed_to():
    with pytest.raises(ValueError, match=r"domains must be domains, such as example\.org, not .ex\u3002ample"):
        RelayBackend(["tcp:127.0.0.1:25"], domains=["ex\u3002ample.org"])


@pytest.fixture
def behind_a_portal():
    """A client that has logged in, by the portal that --auth makes, at a relay; and the network behind."""
    from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse

    from txsmtpx.command.groups.authentication import AuthBackend

    ends = []

    def make(offered="AUTH PLAIN", **how):
        there = Network(scripted(offers=[offered]))
        backend = RelayBackend([there], domains=["example.net"], tls="none", reactor=there.clock, **how)
        portal = AuthBackend(backend, [InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")], False)
        factory = SMTPServerFactory(portal, allow_insecure_auth=True, reactor=there.clock)
        here = Network(lambda: factory.buildProtocol(None))
        here.clock, here.pumps = there.clock, there.pumps
        client = here.greeted(allow_insecure_auth=True)
        here.result(client.authenticate(("me", "secret")))
        ends.append((here, client, backend))
        return here, client, there

    yield make
    for here, client, backend in ends:
        here.result(client.quit())
        here.result(backend.pools[0].stopService())


def test_who_has_logged_in_is(behind_a_portal):
    here, client, _ = behind_a_portal()
    assert len(here.result(client.send("me@example.org", ["you@example.com"], BODY)).accepted) == 1
    stranger = here.greeted()
    with pytest.raises(RecipientsRefused, match=r"550 5\.7\.1"):
        here.result(stranger.send("me@example.org", ["you@example.com"], BODY))
    here.result(stranger.quit())


@pytest.mark.parametrize("logs_in", [False, True])
def test_nobody_is_believed_who_wrote_it(behind_a_portal, logs_in):
    """RFC 4954 §5: and a server that believes us is told so."""
    here, client, there = behind_a_portal(
        **({"auth": ("us", "secret"), "allow_insecure_auth": True} if logs_in else {})
    )
    here.result(client.send("me@example.org", ["you@example.com"], BODY, MailOptions(auth="boss@example.org")))
    (said,) = [line for line in there.servers[0].lines if line.startswith("MAIL")]
    assert said == "MAIL FROM:<me@example.org>" + " AUTH=<>" * logs_in


@pytest.mark.parametrize("offered", ["AUTH PLAIN", "AUTH GSSAPI"])
def test_a_server_that_does_not_know_us_is_not_told(behind_a_portal, offered):
    """Whether there was a login counts, not whether one was configured."""
    how = {"auth": ("us", "secret"), "auth_optional": True, "allow_insecure_auth": True}
    here, client, there = behind_a_portal(offered, **how)
    here.result(client.send("me@example.org", ["you@example.com"], BODY))
    (said,) = [line for line in there.servers[0].lines if line.startswith("MAIL")]
    assert said == "MAIL FROM:<me@example.org>" + " AUTH=<>" * (offered == "AUTH PLAIN")


# ---- the options of twistd

def test_a_recording_next_server(relay):
    """Our own server behind, with all that it offers."""
    backend = RecordingBackend()
    factory = SMTPServerFactory(backend)
    to_next = relay(lambda: factory.buildProtocol(None))
    assert len(to_next.send(BIG).accepted) == 3
    (message,) = backend.messages
    assert message.content.endswith(BIG)
    assert list(message.recipients) == TO
    with contextlib.suppress(AttributeError):
        assert to_next.next.dialog.connection.helo == "[192.0.2.25]"
