"""The client's dialog, made and driven by a caller, without a transport and without a reactor."""

from __future__ import annotations

import base64
import io
from email.message import EmailMessage
from typing import Any

import pytest

from tests.dialog.talk import Talk
from txsmtpx import Delivered, MailOptions, Plain, ProtocolError, RecipientsRefused, Reply, SMTPError
from txsmtpx.dialog.client import ClientDialog
from txsmtpx.dialog.client_transaction import ClientTransaction, plain
from txsmtpx.dialog.login import log_in
from txsmtpx.dialog.submission import Submission
from txsmtpx.testing import Outcome


def test_a_message():
    talk = Talk("PIPELINING", "SIZE 1000")
    sent = talk.run(Submission(talk.dialog).run("a@example.org", ["b@example.net"], b"Subject: x\r\n\r\n.\r\n"))
    assert talk.wire.taken() == b"MAIL FROM:<a@example.org> SIZE=17\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"
    talk.hear("250 2.1.0 Ok", "250 2.1.5 Ok", "354 Go")
    assert talk.wire.taken() == b"Subject: x\r\n\r\n..\r\n.\r\n"
    assert not sent.fired
    talk.hear("250 2.0.0 Stored")
    assert [(to, reply.text) for to, reply in sent.result().accepted] == [("b@example.net", "Stored")]


def test_a_message_of_any_kind():
    letter = EmailMessage()
    letter["Subject"] = "x"
    letter.set_content("x\n")
    for body in (letter, io.BytesIO(b"x\n"), iter([b"x", b"\n"]), [b"x\n"]):
        talk = Talk("CHUNKING")
        sent = talk.run(Submission(talk.dialog).run("a@example.org", ["b@example.net"], body))
        talk.hear("250 Ok", "250 Ok")
        assert b"x\r\n" in talk.wire.taken()
        talk.hear("250 Ok")
        assert len(sent.result().accepted) == 1


def test_command_by_command():
    talk = Talk("CHUNKING", lmtp=True)
    for coroutine, lines in (
        (talk.commands.mail("a@example.org", MailOptions()), b"MAIL FROM:<a@example.org>\r\n"),
        (talk.commands.rcpt("b@example.net"), b"RCPT TO:<b@example.net>\r\n"),
        (talk.commands.rcpt("c@example.net"), b"RCPT TO:<c@example.net>\r\n"),
        (talk.commands.bdat(b"x\r\n"), b"BDAT 3\r\nx\r\n"),
    ):
        outcome = talk.run(coroutine)
        assert talk.wire.taken() == lines
        talk.hear("250 2.0.0 Ok")
        outcome.result()
    last = talk.run(talk.commands.bdat(b"y\r\n", last=True, accepted=2))
    assert talk.wire.taken() == b"BDAT 3 LAST\r\ny\r\n"
    talk.hear("250 2.0.0 One", "452 4.2.2 Two")
    assert [reply.code for reply in last.result()] == [250, 452]


def test_a_login():
    talk = Talk("AUTH PLAIN")
    login = talk.run(log_in(talk.dialog, Plain("user", "secret")))
    word = base64.b64encode(b"\0user\0secret").decode()
    assert talk.wire.taken() == f"AUTH PLAIN {word}\r\n".encode()
    talk.hear("535 5.7.8 No, not secret")
    assert isinstance(login.error, SMTPError)
    assert "secret" not in str(login.error)


def test_a_reply_nobody_asked_for_ends_it():
    talk = Talk()
    talk.hear("250 2.0.0 Ok")
    assert isinstance(talk.dialog.failure, ProtocolError)
    assert talk.wire.aborted
    assert talk.wire.sent == b""
    noop = talk.run(talk.commands.command("NOOP"))
    assert isinstance(noop.error, ProtocolError)
    assert noop.error is not talk.dialog.failure
    assert talk.wire.sent == b""


def test_more_replies_may_come_together_where_they_are_allowed():
    """As many as were expected when the segment began, and as many again as were allowed meanwhile."""
    talk = Talk()
    first, *others = [talk.dialog.expect("NOOP", "command") for _ in range(2)]

    def more(reply: Reply) -> None:
        others.append(talk.dialog.expect("NOOP", "command"))
        talk.dialog.expect_more(1)

    first.addCallback(more)
    talk.dialog.begin_segment()
    talk.hear("250 2.0.0 One", "250 2.0.0 Two", "250 2.0.0 Three")
    talk.dialog.end_segment()
    assert [Outcome(each).result().text for each in others] == ["Two", "Three"]
    assert talk.dialog.failure is None


def test_421_is_understood_anywhere():
    talk = Talk()
    talk.hear("421 4.3.2 Stopping")
    assert talk.wire.taken() == b"QUIT\r\n"
    assert talk.wire.closed
    assert not talk.wire.aborted


# ---- the two ways to a transaction


MESSAGES = [
    b"", b"x", b".", b"x\r\n", b"x\ny", b".\r\n.\r\n", b"a\r\n.b\r\n..c", b"\r", b"x\r", b"\r\n.\r\n", b"x" * 998,
]  # fmt: skip
OFFERS = [(), ("PIPELINING",), ("SIZE",), ("SIZE 100000", "CHUNKING"), ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN")]


def spoken(start: Any, offers: tuple[str, ...], lmtp: bool, *replies: str) -> tuple[bytes, Any]:
    """What is sent, and the result, where each command of a transaction is answered by one of ``replies``."""
    talk = Talk(*offers, lmtp=lmtp)
    outcome = talk.run(start(talk.dialog).run())
    answers = list(replies)
    while answers and not outcome.fired:
        talk.hear(answers.pop(0))
    return talk.wire.sent, outcome.error or outcome.result()


def by_submission(dialog: ClientDialog, sender: str, recipients: list[str], message: bytes) -> Any:
    class Run:
        run = staticmethod(lambda: Submission(dialog).run(sender, recipients, message))

    return Run


@pytest.mark.parametrize("lmtp", [False, True], ids=["SMTP", "LMTP"])
@pytest.mark.parametrize("offers", OFFERS, ids=str)
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: repr(message[:12]))
def test_a_plain_message_is_sent_as_any_other(message, offers, lmtp):
    for sender, recipients in (("a@example.org", ["b@example.net"]), ("", ["b@example.net", "Postmaster"])):
        data = ["354 Go"] * ("CHUNKING" not in offers)
        replies = ["250 Ok"] * (1 + len(recipients)) + data + ["250 Ok"] * (len(recipients) if lmtp else 1)
        short = spoken(lambda d: plain(d, sender, recipients, message), offers, lmtp, *replies)  # noqa: B023
        full = spoken(lambda d: by_submission(d, sender, recipients, message), offers, lmtp, *replies)  # noqa: B023
        assert short == full


@pytest.mark.parametrize("codes", [(550,), (250, 550), (250, 250, 354, 552), (250, 250, 451)], ids=str)
def test_a_plain_message_that_is_rejected_fails_as_any_other(codes):
    replies = [f"{code} No" for code in codes]
    args = "a@example.org", ["b@example.net"], b"x\r\n"
    (sent, one), (also, other) = (
        spoken(lambda d: plain(d, *args), (), False, *replies),
        spoken(lambda d: by_submission(d, *args), (), False, *replies),
    )
    assert sent == also
    assert type(one) is type(other) in (SMTPError, RecipientsRefused)
    assert (str(one), one.delivered) == (str(other), Delivered.NO)


NOT_PLAIN = {
    "octets above 127": ("a@example.org", ["b@example.net"], b"\xff"),
    "no octets": ("a@example.org", ["b@example.net"], [b"x"]),
    "long": ("a@example.org", ["b@example.net"], b"x" * 200_000),
    "a sender beyond ASCII": ("ä@example.org", ["b@example.net"], b"x"),
    "a recipient beyond ASCII": ("a@example.org", ["b@bücher.example"], b"x"),
    "octets for a sender": (b"a@example.org", ["b@example.net"], b"x"),
    "octets for a recipient": ("a@example.org", [b"b@example.net"], b"x"),
    "a recipient with options": ("a@example.org", [("b@example.net", None)], b"x"),
    "no recipient": ("a@example.org", [], b"x"),
    "an empty recipient": ("a@example.org", [""], b"x"),
    "no list": ("a@example.org", ("b@example.net",), b"x"),
    "no address": ("a@example.org", ["b@@example.net"], b"x"),
    "another command": ("a@example.org", ["b@example.net>\r\nRSET"], b"x"),
    "another command of the sender": ("a@example.org>\r\nRSET", ["b@example.net"], b"x"),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_what_is_not_plain(case):
    assert plain(Talk().dialog, *NOT_PLAIN[case]) is None


@pytest.mark.parametrize("offers", [("LIMITS RCPTMAX=1",), ("DELIVERBY 60",), ("PRDR",)], ids=str)
def test_a_server_for_which_no_message_to_several_is_plain(offers):
    assert plain(Talk(*offers).dialog, "", ["a@example.org", "b@example.org"], b"x") is None
    assert isinstance(plain(Talk().dialog, "", ["a@example.org", "b@example.org"], b"x"), ClientTransaction)
