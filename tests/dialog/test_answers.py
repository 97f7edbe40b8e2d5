"""
Guarantee 15: a reply too many, which comes together with the one before, is not the answer to the next command.

It would move all replies by one: with CHUNKING the reply to RCPT would pass for that to the message.
"""

from __future__ import annotations

import pytest

from txsmtpx import Delivered, MailOptions, ProtocolError, SMTPError, SMTPPool, connect, send_mail
from txsmtpx.dialog.answers import counts_at_once, fits
from txsmtpx.dialog.transfer import CHUNK
from txsmtpx.testing import Outcome

TO = ["one@example.net", "two@example.net"]
BODY = b"Subject: x\r\n\r\nx\r\n"
OFFERS = {"waiting": [], "pipelining": ["PIPELINING"], "chunking": ["CHUNKING"], "both": ["PIPELINING", "CHUNKING"]}
TWICE = {
    "GREETING": "220 one\n220 two",
    "EHLO": "250 one\n250 two",
    "AUTH": "235 2.7.0 one\n235 2.7.0 two",
    "MAIL": "250 2.1.0 one\n250 2.1.0 two",
    "RCPT": "250 2.1.5 one\n250 2.1.5 two",
}
EACH = pytest.mark.parametrize("offers", OFFERS.values(), ids=OFFERS)


def sent(net, **how):
    login = {"auth": ("me", "secret"), "allow_insecure_auth": True}
    outcome = Outcome(send_mail(net, "me@example.org", TO, BODY, reactor=net.clock, tls="none", **login, **how))
    net.flush()
    return outcome


@EACH
@pytest.mark.parametrize("verb", TWICE)
def test_a_message_that_is_refused_is_not_delivered(network, offers, verb):
    answers = {verb: [TWICE[verb]], "END": "550 5.7.1 Spam"}
    if verb == "EHLO":
        once = "\n".join(["250-x", *[f"250-{offer}" for offer in offers], "250 AUTH PLAIN"])
        answers[verb] = [f"{once}\n{once}"]
    net = network(offers=["AUTH PLAIN", *offers], **answers)
    error = sent(net).error
    assert isinstance(error, ProtocolError)
    assert (error.temporary, error.delivered) == (True, Delivered.NO)
    assert not net.servers[0].messages
    assert not net.servers[0].chunks
    assert net.servers[0].lost


@EACH
def test_no_chunk_for_a_recipient_that_was_refused(network, offers):
    net = network(offers=["AUTH PLAIN", *offers], MAIL=["250 2.1.0 one\n250 2.1.0 two"], RCPT="550 5.1.1 No")
    assert isinstance(sent(net).error, ProtocolError)
    assert not net.servers[0].chunks
    assert not net.servers[0].raw


@EACH
@pytest.mark.parametrize("second", ["250 2.0.0 two", "550 5.0.0 two"])
def test_the_first_reply_to_the_message_counts(network, offers, second):
    net = network(offers=["AUTH PLAIN", *offers], END=f"250 2.0.0 one\n{second}")
    assert [str(reply) for _, reply in sent(net).result().accepted] == ["250 2.0.0 one"] * 2
    assert net.servers[0].lost


@EACH
def test_the_next_message_on_the_same_connection(network, offers):
    net = network(offers=offers, END=["250 2.0.0 one\n250 2.0.0 two", "550 5.7.1 Spam"])
    client = net.result(connect(net, reactor=net.clock, tls="none"))
    net.result(client.send("me@example.org", TO, BODY))
    with pytest.raises(ProtocolError, match=r"a reply to no command: 250 2\.0\.0 two"):
        net.result(client.send("me@example.org", TO, BODY))
    assert len(net.servers[0].messages) == 1


@EACH
def test_a_pool_takes_another_connection(network, offers):
    net = network(offers=offers, RSET=["250 2.0.0 one\n250 2.0.0 two"])
    pool = SMTPPool(net, reactor=net.clock, tls="none", size=1)
    pool.startService()
    for _ in range(2):
        accepted = net.result(pool.send("me@example.org", TO, BODY)).accepted
        assert [str(reply) for _, reply in accepted] == ["250 2.0.0 Taken"] * 2
    net.result(pool.stopService())
    assert [len(server.messages) for server in net.servers] == [1, 1]


def test_a_yes_that_came_with_354_is_none_to_the_message(network):
    error = sent(network(offers=["AUTH PLAIN"], DATA="354 Go on\n250 2.0.0 Taken")).error
    assert isinstance(error, ProtocolError)
    assert (error.command, error.delivered) == ("DATA", Delivered.MAYBE)


@pytest.mark.parametrize("code", [400, 550])
def test_a_no_that_came_with_354_is_one_to_the_message(network, code):
    error = sent(network(offers=["AUTH PLAIN"], DATA=f"354 Go on\n{code} Spam")).error
    assert isinstance(error, SMTPError)
    assert (error.code, error.command, error.delivered) == (code, "DATA", Delivered.NO)


def test_221_that_came_before_quit_is_no_answer_to_it(network):
    net = network(offers=["AUTH PLAIN"], END="250 2.0.0 Taken\n221 2.0.0 Bye")
    assert len(sent(net).result().accepted) == 2
    assert net.servers[0].lost
    assert "QUIT" not in net.servers[0].verbs


@pytest.mark.parametrize("together", [True, False])
def test_prdr_has_many_replies_to_one_command(network, together):
    """Also where they come in one segment."""
    replies = "353 Each\n250 2.0.0 one\n550 5.7.1 two\n250 2.0.0 All"
    net = network(offers=["AUTH PLAIN", "PRDR"], END=replies, one_by_one=not together)
    outcome = Outcome(
        send_mail(net, "me@example.org", TO, BODY, options=MailOptions(prdr=True), reactor=net.clock, tls="none")
    )
    net.flush()
    result = outcome.result()
    assert [each for each, _ in result.accepted] == TO[:1]
    assert [(each, error.code) for each, error in result.refused] == [(TO[1], 550)]


@pytest.mark.parametrize("offers", [[], ["CHUNKING"]], ids=["DATA", "BDAT"])
def test_a_refusal_counts_whatever_comes_behind_it(network, offers):
    """As of a server that runs the octets it has refused as commands."""
    net = network(offers=["AUTH PLAIN", *offers], END="552 5.3.4 Too big\n500 5.5.2 What?\n500 5.5.2 What?")
    error = sent(net).error
    assert isinstance(error, SMTPError)
    assert (error.code, error.delivered) == (552, Delivered.NO)
    assert net.servers[0].lost


def test_a_refused_chunk_counts_whatever_comes_behind_it(network):
    net = network(offers=["CHUNKING"], BDAT=["552 5.3.4 Too big\n500 5.5.2 What?"])
    client = net.result(connect(net, reactor=net.clock, tls="none"))
    with pytest.raises(SMTPError, match=r"552 5\.3\.4 Too big"):
        net.result(client.send("me@example.org", TO, [b"x" * CHUNK] * 3))
    assert len(net.servers[0].chunks) == 1


@pytest.mark.parametrize(
    ("code", "verb", "phase", "counts"),
    [
        (299, "DATA", "data", False), (300, "DATA", "data", True), (399, "AUTH", "command", True),
        (400, "RCPT", "rcpt", False), (550, "DATA", "data", False), (250, "DATA", "end", False),
        (400, "DATA", "end", True), (400, "BDAT", "block", True), (550, "BDAT", "end", True),
        (220, "STARTTLS", "command", True), (454, "STARTTLS", "command", True), (250, "NOOP", "command", False),
    ],
)  # fmt: skip
def test_a_reply_that_counts_whatever_comes_behind_it(code, verb, phase, counts):
    assert counts_at_once(code, verb, phase) is counts


@pytest.mark.parametrize(
    ("code", "verb", "phase", "fitting"),
    [
        (250, "MAIL", "mail", True), (299, "MAIL", "mail", True), (300, "MAIL", "mail", False),
        (399, "MAIL", "mail", False), (400, "MAIL", "mail", True), (250, "DATA", "data", False),
        (354, "DATA", "data", True), (354, "DATA", "end", False), (353, "DATA", "end", True),
        (353, "BDAT", "end", True), (353, "BDAT", "block", False), (353, "MAIL", "end", False),
        (334, "AUTH", "command", True), (335, "AUTH", "command", False), (334, "MAIL", "mail", False),
    ],
)  # fmt: skip
def test_a_reply_that_can_answer_a_command(code, verb, phase, fitting):
    assert fits(code, verb, phase) is fitting
