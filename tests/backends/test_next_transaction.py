"""A relay and what its next server lacks: SMTPUTF8 that nothing needs is dropped, 8-bit octets are refused or sent."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.backends.relays import BODY, scripted
from txsmtpx import MailOptions, RecipientsRefused, SMTPError
from txsmtpx.backends.relayed import AHEAD, HEADER
from txsmtpx.testing import Outcome

FLAG = MailOptions(smtputf8=True)
EIGHT = "Subject: x\r\n\r\nGrüße\r\n".encode()
LATIN = b"Subject: Gr\xfc\xdfe\r\n\r\nx\r\n"
UTF8 = "Subject: Grüße\r\n\r\nx\r\n".encode()
PART = "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b\r\nContent-Description: ü\r\n\r\n\r\n--b--\r\n"
ONE = ["one@example.net"]
DOVECOT = ["8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "PIPELINING"]
PAIRS = [(False, False), (False, True), (True, True), (True, False)]
IDS = ["SMTP-SMTP", "SMTP-LMTP", "LMTP-LMTP", "LMTP-SMTP"]


def mail(to_next):
    return [line for line in to_next.next.lines if line.startswith("MAIL")][-1].split()[1:]


def refused(to_next, code, body, to=ONE, options=None):
    """The message is refused, nothing of it is delivered, and the next one is."""
    with pytest.raises((SMTPError, RecipientsRefused)) as caught:
        to_next.send(body, to, options)
    error = dict(caught.value.refused).get(to[0], caught.value)
    assert (error.code, error.enhanced_code) == code
    assert to_next.next.messages == []
    assert len(to_next.send(BODY, ONE).accepted) == 1
    assert len(to_next.next.messages) == 1


@pytest.mark.parametrize(("here", "there"), PAIRS, ids=IDS)
@pytest.mark.parametrize("body", [BODY, EIGHT, LATIN, EIGHT + b"x" * 2 * AHEAD + b"\r\n"], ids=range(4))
def test_smtputf8_that_nothing_needs_is_dropped(relay, here, there, body):
    """Two relays in a row in front of Dovecot need no more."""
    to_next = relay(scripted(offers=DOVECOT, lmtp=there), lmtp_here=here, lmtp_there=there)
    to = ["one@example.net", "two@example.net"]
    options = MailOptions(smtputf8=True, body="8BITMIME")
    assert len(to_next.send(body, to, options).accepted) == 2
    assert mail(to_next) == ["FROM:<me@example.org>", "BODY=8BITMIME"]
    assert to_next.next.messages[0].endswith(body)


@pytest.mark.parametrize("offers", [DOVECOT, []], ids=str)
def test_a_domain_alone_needs_no_smtputf8(relay, offers):
    """It is written as its A-label in the trace field, too."""
    to_next = relay(scripted(offers=offers), domains=["bücher.example"])
    client, result = to_next.client, to_next.here.result
    result(client.mail("me@straße.example", FLAG))
    result(client.rcpt("you@bücher.example"))
    (reply,) = result(client.transmit(BODY))
    assert reply.code == 250
    assert to_next.next.lines[1:3] == [
        "MAIL FROM:<me@xn--strae-oqa.example>",
        "RCPT TO:<you@xn--bcher-kva.example>",
    ]
    assert to_next.next.messages[0].isascii()
    assert b"for <you@xn--bcher-kva.example>" in to_next.next.messages[0]


@pytest.mark.parametrize("offers", [DOVECOT, []], ids=str)
@pytest.mark.parametrize("lmtp", [False, True])
@pytest.mark.parametrize("filling", [0, 2 * AHEAD], ids=["at once", "later"])
def test_utf8_in_a_header_is_refused(relay, lmtp, offers, filling):
    for body in (UTF8 + b"x" * filling, PART.format(("x" * 70 + "\r\n") * (filling // 72)).encode()):
        to_next = relay(scripted(offers=offers, lmtp=lmtp), lmtp_there=lmtp)
        refused(to_next, (550, (5, 6, 7)), body, options=FLAG)


def test_utf8_in_a_header_of_many_octets_is_refused(relay):
    to_next = relay(scripted(offers=DOVECOT))
    refused(to_next, (550, (5, 6, 7)), b"X: " + b"x" * (HEADER // 2) + b"\r\n" + UTF8, options=FLAG)


@pytest.mark.parametrize("to", [["öne@example.net"], ["öne@bücher.example"]], ids=ascii)
def test_a_recipient_that_needs_smtputf8_is_refused_alone(relay, to):
    to_next = relay(scripted(offers=DOVECOT), domains=["example.net", "bücher.example"])
    result = to_next.send(BODY, [*to, *ONE], FLAG)
    assert [(each, error.code, error.enhanced_code) for each, error in result.refused] == [(to[0], 550, (5, 6, 7))]
    assert mail(to_next) == ["FROM:<me@example.org>"]


def test_a_sender_that_needs_smtputf8_is_refused(relay):
    to_next = relay(scripted(offers=DOVECOT))
    with pytest.raises(RecipientsRefused, match=r"550 5\.6\.7"):
        to_next.here.result(to_next.client.send("mé@example.org", ONE, BODY))
    assert to_next.next.verbs == ["EHLO"]


def test_smtputf8_goes_on_where_it_is_offered(relay):
    to_next = relay(scripted(offers=["SMTPUTF8", "8BITMIME"]))
    for body in (BODY, UTF8):
        to_next.send(body, ONE, FLAG)
        assert "SMTPUTF8" in mail(to_next)


def test_octets_in_a_header_that_came_without_smtputf8_go_on(relay):
    """The client has not said that they are UTF-8, and nothing is changed."""
    to_next = relay(scripted(offers=DOVECOT))
    client, result = to_next.client, to_next.here.result
    result(client.mail("me@example.org"))
    result(client.rcpt(ONE[0]))
    (reply,) = result(client.transmit(UTF8))
    assert reply.code == 250
    assert to_next.next.messages[0].endswith(UTF8)


# ---- 8BITMIME


@pytest.mark.parametrize(("here", "there"), PAIRS, ids=IDS)
@pytest.mark.parametrize("offers", [[], ["CHUNKING", "PIPELINING"]], ids=str)
@pytest.mark.parametrize("filling", [0, 2 * AHEAD], ids=["at once", "later"])
def test_8_bit_octets_are_refused_without_8bitmime(relay, here, there, offers, filling):
    body = b"Subject: x\r\n\r\n" + b"x" * filling + b"\r\n\xfc\r\n"
    to_next = relay(scripted(offers=offers, lmtp=there), lmtp_here=here, lmtp_there=there)
    refused(to_next, (554, (5, 6, 3)), body)


@pytest.mark.parametrize("filling", [0, 2 * AHEAD], ids=["at once", "later"])
@pytest.mark.parametrize("lmtp", [False, True])
def test_8_bit_octets_are_sent_where_the_relay_is_to_send_them(relay, lmtp, filling):
    body = b"Subject: x\r\n\r\n" + b"x" * filling + b"\r\n\xfc\r\n"
    to_next = relay(scripted(lmtp=lmtp), lmtp_there=lmtp, eight_bit="send")
    assert len(to_next.send(body, ONE).accepted) == 1
    assert mail(to_next) == ["FROM:<me@example.org>"]
    assert to_next.next.messages[0].endswith(body)


def test_8bitmime_that_nothing_needs_is_dropped(relay):
    to_next = relay(scripted())
    to_next.send(BODY, ONE, MailOptions(body="8BITMIME"))
    assert mail(to_next) == ["FROM:<me@example.org>"]


def test_no_octet_is_sent_of_what_is_refused_at_once(relay):
    """RSET ends the transaction there, and the connection is kept."""
    to_next = relay(scripted(offers=["PIPELINING"]))
    refused(to_next, (554, (5, 6, 3)), EIGHT)
    assert to_next.next.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=str)
def test_a_stream_that_turns_out_to_be_8_bit_ends_there(relay, offers):
    """The next server has had a part of the message, which is none."""
    to_next = relay(scripted(offers=offers))
    rest = Deferred()

    async def body():
        yield b"Subject: x\r\n\r\n" + b"x" * 2 * AHEAD + b"\r\n"
        await rest
        yield b"\xfc\r\n"

    outcome = Outcome(to_next.client.send("me@example.org", ONE, body()))
    for _ in range(3):  # the client, and the relay, hold a chunk for a while
        to_next.here.flush()
        to_next.there.clock.advance(6)
    to_next.here.flush()
    assert to_next.next.raw or to_next.next.chunks
    rest.callback(None)
    to_next.here.flush()
    assert isinstance(outcome.error, SMTPError)
    assert (outcome.error.code, outcome.error.enhanced_code) == (554, (5, 6, 3))
    assert to_next.next.messages == []
    assert (to_next.next.raw + b"".join(to_next.next.chunks)).isascii()


@pytest.mark.parametrize("offers", [["BINARYMIME", "8BITMIME"], ["CHUNKING", "8BITMIME"], []], ids=str)
def test_binarymime_needs_chunking_there(relay, offers):
    to_next = relay(scripted(offers=offers))
    with pytest.raises(RecipientsRefused, match=r"550 5\.6\.7"):
        to_next.send(b"\0\xff", ONE, MailOptions(body="BINARYMIME"))
    assert to_next.next.verbs == ["EHLO"]


# ---- two relays


@pytest.mark.parametrize("body", [BODY, EIGHT, LATIN], ids=range(3))
def test_two_relays_in_a_row(relay, body):
    """The first has a next server that offers all; the second has Dovecot's LMTP."""
    second = relay(scripted(offers=DOVECOT, lmtp=True), lmtp_there=True)
    first = relay(endpoints=[second.here])
    outcome = Outcome(first.client.send("me@example.org", ONE, body, FLAG))
    for _ in range(9):  # each moves its own connections
        first.here.flush()
        second.here.flush()
    assert outcome.error is None
    assert "SMTPUTF8" not in mail(second)
    octets = second.next.messages[0]
    assert octets.endswith(body)
    assert octets[: -len(body)].isascii()
