"""The meaning of an attempt for each recipient."""

import pytest
from twisted.internet import error as twisted_error

from txsmtpx.dialog.client_result import Result
from txsmtpx.errors import (
    Delivered,
    EightBitContent,
    MessageTooBig,
    NetworkError,
    NotOffered,
    ProtocolError,
    RecipientsRefused,
    SMTPError,
    TLSFailed,
    TokenFailed,
)
from txsmtpx.grammar.reply import Reply
from txsmtpx.queue.attempt_result import described, judged, of_error
from txsmtpx.wire.capacity import PoolBusy
from txsmtpx.wire.dns_records import DNSFailed, NoSuchDomain
from txsmtpx.wire.failover import AllServersFailed, Attempt
from txsmtpx.wire.mx import NullMX

ANN, BOB = "ann@example.org", "bob@example.org"
OK = Reply(250, (2, 0, 0), "Ok")


def connect_failed():
    return NetworkError.of(twisted_error.ConnectionRefusedError("no server"), "connect")


def lost(delivered):
    error = NetworkError.like(twisted_error.ConnectionLost, "the connection was lost", "DATA")
    error.delivered = delivered
    return error


@pytest.mark.parametrize(
    ("error", "meaning", "code"),
    [
        (SMTPError(450, (4, 2, 0), "Greylisted", command="RCPT"), "deferred", (4, 2, 0)),
        (SMTPError(550, (5, 1, 1), "No such mailbox", command="RCPT"), "failed", (5, 1, 1)),
        (SMTPError(554, (5, 7, 1), "Spam", command="DATA"), "failed", (5, 7, 1)),
        (SMTPError(421, (4, 3, 2), "Stopping", command="MAIL"), "deferred", (4, 3, 2)),
        (SMTPError(554, (5, 3, 2), "No service", command="greeting"), "failed", (5, 3, 2)),
        (SMTPError(535, (5, 7, 8), "Wrong password", command="AUTH"), "deferred", (5, 7, 8)),
        (connect_failed(), "deferred", (4, 4, 1)),
        (lost(Delivered.NO), "deferred", (4, 4, 2)),
        (lost(Delivered.MAYBE), "unsure", (4, 4, 2)),
        (PoolBusy(600), "deferred", (4, 4, 1)),
        (DNSFailed("SERVFAIL"), "deferred", (4, 4, 3)),
        (NoSuchDomain("it does not exist"), "failed", (5, 1, 2)),
        (NullMX("it accepts no mail"), "failed", (5, 1, 2)),
        (TLSFailed("expired"), "deferred", (4, 7, 5)),
        (TokenFailed("the issuer refuses the token"), "deferred", (4, 7, 0)),
        (NotOffered("no STARTTLS", command="STARTTLS", temporary=True), "deferred", (4, 7, 0)),
        (NotOffered("no DELIVERBY"), "failed", (5, 3, 3)),
        (MessageTooBig("too big"), "failed", (5, 3, 4)),
        (EightBitContent("no 8BITMIME"), "failed", (5, 6, 3)),
        (ProtocolError("not a reply"), "deferred", (4, 4, 2)),
    ],
)
def test_each_error_has_a_meaning_and_a_status(error, meaning, code):
    found = of_error(ANN, error)
    assert (found.meaning, found.reply.enhanced_code) == (meaning, code)
    assert found.remote is isinstance(error, SMTPError)


NO_TLS = SMTPError(554, (5, 7, 0), "No TLS", command="STARTTLS")
NO_SERVICE = SMTPError(554, (5, 3, 2), "No service", command="greeting")


@pytest.mark.parametrize(("errors", "meaning"), [
    ([NO_TLS, NO_TLS], "deferred"),
    ([NO_SERVICE, NO_TLS], "deferred"),
    ([NO_SERVICE, twisted_error.ConnectionRefusedError()], "deferred"),
    ([NO_SERVICE, NO_SERVICE], "failed"),
])  # fmt: skip
def test_all_servers_of_a_domain_mean_the_same_as_one(errors, meaning):
    """Whoever is on the way can reject STARTTLS: the mail must not be returned for that (RFC 7672 §2.2)."""
    failed = AllServersFailed("example.org", [Attempt("mx.example.org", "192.0.2.1", each) for each in errors])
    found = of_error(ANN, failed)
    assert (found.meaning, found.reply.code, found.remote) == (meaning, 451 if meaning == "deferred" else 550, False)


def test_a_result_is_that_of_each_recipient():
    refused = SMTPError(550, (5, 1, 1), "No such mailbox", command="RCPT")
    found = judged([ANN, BOB], Result([(BOB, OK)], [(ANN, refused)]))
    assert [(each.address, each.meaning, each.reply) for each in found] == [
        (ANN, "failed", refused.reply), (BOB, "delivered", OK),
    ]  # fmt: skip


def test_an_address_that_is_there_twice_has_two_results():
    refused = SMTPError(450, (4, 5, 3), "Too many", command="RCPT")
    found = judged([ANN, ANN], Result([(ANN, OK)], [(ANN, refused)]))
    assert [each.meaning for each in found] == ["delivered", "deferred"]


def test_an_error_is_that_of_all_recipients_without_one_of_their_own():
    error = SMTPError(452, (4, 3, 1), "Disk full", command="DATA")
    error.refused = [(BOB, SMTPError(550, (5, 1, 1), "No such mailbox", command="RCPT"))]
    assert [each.meaning for each in judged([ANN, BOB], error)] == ["deferred", "failed"]


def test_what_was_delivered_in_spite_of_an_error_is_delivered():
    error = lost(Delivered.YES)
    error.accepted = [(ANN, OK)]
    assert [each.meaning for each in judged([ANN, BOB], error)] == ["delivered", "unsure"]


def test_each_rejected_recipient_has_its_own_reply():
    refused = [
        (ANN, SMTPError(450, (4, 2, 0), "Later", command="RCPT")),
        (BOB, SMTPError(550, (5, 1, 1), "No", command="RCPT")),
    ]
    assert [each.meaning for each in judged([ANN, BOB], RecipientsRefused(refused))] == ["deferred", "failed"]


def test_the_text_of_a_server_cannot_hold_control_characters():
    reply = described(NotOffered("\x1b[31mred\r\nX"), False)
    assert reply.text.isprintable()
