"""A message on its way into the queue."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from twisted.internet.defer import Deferred, succeed

from txsmtpx import MailOptions, RcptOptions
from txsmtpx.backends.received_body import ReceivedBody
from txsmtpx.dialog.source import source
from txsmtpx.queue.new_mail import new_envelope, new_id, new_mail, pieces
from txsmtpx.queue.route import Route, Routes
from txsmtpx.testing import Outcome

NOW = 1_900_000_000.0


def at_once(function, *arguments):
    return succeed(function(*arguments))


def made_of(envelope, body=b"x", routes=()):
    received = ReceivedBody(1 << 30, None, at_once)
    assert Outcome(Deferred.fromCoroutine(received.read(pieces(source(body, {}, at_once, False))))).fired
    try:
        return new_mail(envelope, received, Routes(routes), 1000)
    finally:
        received.close()


def envelope(*recipients, body=b"", **options):
    pairs = [each if isinstance(each, tuple) else (each, None) for each in recipients]
    return new_envelope("me@example.org", pairs, body, MailOptions(**options), "mail.example.org", NOW)


def test_no_two_messages_have_one_identifier():
    assert len({new_id() for _ in range(1000)}) == 1000


def test_the_options_are_kept():
    made = envelope(("ann@example.net", RcptOptions(notify=["FAILURE"])), envid="x1", ret="HDRS", priority=3)
    assert (made.envid, made.ret, made.priority, made.recipients[0].notify) == ("x1", "HDRS", 3, ("FAILURE",))
    assert made.received == datetime.fromtimestamp(NOW, UTC)


def test_smtputf8_is_set_if_it_is_needed():
    message = EmailMessage()
    message["To"] = "jürgen@example.net"
    assert not envelope("ann@example.net").smtputf8
    assert envelope("jürgen@example.net").smtputf8
    assert envelope("ann@example.net", body=message).smtputf8


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ({}, NOW),
        ({"hold_for": 60}, NOW + 60),
        ({"hold_until": datetime.fromtimestamp(NOW + 90, UTC)}, NOW + 90),
        ({"hold_until": datetime.fromtimestamp(NOW - 90, UTC)}, NOW),
    ],
)
def test_a_message_is_due_when_it_may_be_sent(options, due):
    made = made_of(envelope("ann@example.net", **options))
    assert (made.due, made.expires) == (due, due + 1000)


def test_each_recipient_has_its_destination():
    routes = [Route("*", "unix:/run/smtp.sock"), Route("example.org", "unix:/run/lmtp.sock")]
    made = made_of(envelope("ann@example.net", "bob@EXAMPLE.org"), routes=routes)
    assert made.destinations == ["*", "example.org"]


@pytest.mark.parametrize("body", [b"abc", [b"a", b"bc"]], ids=["octets", "list"])
def test_bodies_of_any_kind_are_read(body):
    made = made_of(envelope("ann@example.net"), body)
    assert (made.body, made.size) == (b"abc", 3)
