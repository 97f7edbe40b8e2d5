"""The envelope as fields of text: what is written, and that nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx import MailOptions, RcptOptions, Session
from txsmtpx.backends.envelope_fields import EnvelopeFields, EnvelopeRecipient, fields_of
from txsmtpx.backends.session import OpenBackend
from txsmtpx.extensions.dsn import DSN
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.testing import Conversation

MOMENT = datetime(2030, 1, 31, 12, tzinfo=UTC)
RECIPIENT = EnvelopeRecipient("b@example.org")


def envelope(**fields):
    given = {"queue_id": "3fa9c1", "sender": "a@example.org", "recipients": (RECIPIENT,), "received": MOMENT,
             "protocol": "ESMTP", "domain": "mail.example.org"}  # fmt: skip
    return EnvelopeFields(**{**given, **fields})


# Every character, also lone surrogates, which no SMTP client can send.
TEXTS = st.text(st.characters(), max_size=40)
MOMENTS = st.datetimes(timezones=st.just(UTC))
RECIPIENTS = st.builds(
    EnvelopeRecipient,
    TEXTS,
    st.none() | st.frozensets(st.sampled_from(["SUCCESS", "FAILURE", "DELAY"])).map(lambda each: tuple(sorted(each))),
    st.none() | st.builds(OriginalRecipient, st.sampled_from(["rfc822", "utf-8"]), TEXTS),
    st.none() | st.builds(ValidSince, MOMENTS, st.sampled_from("RC")),
)
ENVELOPES = st.builds(
    EnvelopeFields,
    TEXTS,
    TEXTS,
    st.lists(RECIPIENTS, max_size=3).map(tuple),
    MOMENTS,
    *[TEXTS] * 4,
    st.integers(0, 65535),
    *[st.none() | TEXTS] * 3,
    st.none() | st.integers(0, 10**20 - 1),
    st.sampled_from(["7BIT", "8BITMIME", "BINARYMIME"]),
    st.booleans(),
    st.booleans(),
    st.none() | TEXTS,
    st.sampled_from([None, "FULL", "HDRS"]),
    st.none() | TEXTS,
    st.none() | st.builds(DeliverBy, st.integers(-(10**9), 10**9), st.sampled_from("RN"), st.booleans()),
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(1, 10**9),
    st.none() | MOMENTS,
)


@given(ENVELOPES)
def test_what_is_written_is_read_again(sent):
    strings = sent.as_strings()
    assert EnvelopeFields.parsed(strings) == sent
    for text in strings.values():
        assert text.isascii()
        assert text == text.strip(" ")
        assert not text or text.isprintable()


def test_what_is_written():
    sent = envelope(
        recipients=(
            RECIPIENT,
            EnvelopeRecipient("bücher@example.org", ("FAILURE",), OriginalRecipient("rfc822", "c@example.org"),
                              ValidSince(MOMENT, "C")),
        ),
        sender='"a b"@example.org', tls_version="TLSv1.3", smtputf8=True, deliver_by=DeliverBy(60, "N", True),
    )  # fmt: skip
    assert sent.as_strings() == {
        "queue_id": "3fa9c1",
        "sender": r'"\"a b\"@example.org"',
        "recipients": r'["b@example.org",{"address":"b\u00fccher@example.org","notify":["FAILURE"],'
        '"orcpt":"rfc822;c@example.org","valid_since":"2030-01-31T12:00:00Z;C"}]',
        "received": "2030-01-31T12:00:00Z",
        "protocol": "ESMTP",
        "domain": "mail.example.org",
        "helo": "",
        "peer_host": "",
        "peer_port": "0",
        "tls_version": "TLSv1.3",
        "body": "7BIT",
        "smtputf8": "true",
        "requiretls": "false",
        "deliver_by": "60;NT",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sender", '"a'),
        ("sender", '"a" b'),
        ("recipients", ""),
        ("recipients", "b@example.org"),
        ("recipients", "{}"),
        ("recipients", "[1]"),
        ("recipients", '[{"notify":[]}]'),
        ("recipients", '[{"address":"b","notify":"FAILURE"}]'),
        ("recipients", '[{"address":"b","notify":["NEVER"]}]'),
        ("recipients", '[{"address":"b","notify":[[]]}]'),
        ("recipients", '[{"address":"b","orcpt":"c@example.org"}]'),
        ("recipients", '[{"address":"b","valid_since":"2030-01-31T12:00:00Z"}]'),
        ("recipients", "[" * 100_000),
        ("received", "yesterday"),
        ("received", "2030-01-31T12:00:00"),
        ("peer_port", "٢٥"),
        ("size", "1e3"),
        ("size", "9" * 5000),
        ("smtputf8", "True"),
        ("body", "9BIT"),
        ("deliver_by", "60"),
        ("deliver_by", "60;RR"),
        ("deliver_by", ";R"),
    ],
)
def test_a_malformed_field(name, text):
    with pytest.raises(ValueError, match=f"^the field {name} of the envelope is malformed: "):
        EnvelopeFields.parsed({**envelope().as_strings(), name: text})


@pytest.mark.parametrize("name", ["queue_id", "sender", "recipients", "received", "protocol", "domain"])
def test_a_field_that_is_missing(name):
    strings = envelope().as_strings()
    del strings[name]
    with pytest.raises(ValueError, match=f"^the envelope lacks the field {name}$"):
        EnvelopeFields.parsed(strings)


def test_other_fields_are_ignored():
    assert EnvelopeFields.parsed({**envelope().as_strings(), "later": "1"}) == envelope()


def test_the_options_of_a_client():
    sent = envelope(size=7, ret="HDRS", auth="", hold_for=60, deliver_by=DeliverBy(100, "R"))
    at = MOMENT.timestamp()
    assert sent.mail_options(at + 40) == MailOptions(ret="HDRS", auth="", body="7BIT", hold_for=20,
                                                     deliver_by=DeliverBy(60, "R"))  # fmt: skip
    assert sent.mail_options(at + 60) == MailOptions(ret="HDRS", auth="", body="7BIT", deliver_by=DeliverBy(40, "R"))
    assert sent.mail_options(at + 500).deliver_by == DeliverBy(1, "R")
    assert envelope(deliver_by=DeliverBy(10, "N")).mail_options(at + 500).deliver_by == DeliverBy(-490, "N")
    assert envelope().mail_options().hold_for is None
    notified = EnvelopeRecipient("b@example.org", (), OriginalRecipient("rfc822", "c@example.org"))
    assert notified.options == RcptOptions(notify=[], orcpt=OriginalRecipient("rfc822", "c@example.org"))


def test_the_envelope_of_a_transaction():
    found = []

    class Reads(Session):
        async def data(self, message, context):
            await message.content()
            found.append(fields_of(context, MOMENT.timestamp()))

    backend = OpenBackend(lambda connection: Reads())
    backend.supports = (DSN,)
    client = Conversation(backend)
    rcpt = "RCPT TO:<b@localhost> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@example.org"
    client.ask("EHLO client.example", "MAIL FROM:<> BODY=8BITMIME RET=HDRS ENVID=q+2B1", rcpt)
    client.ask("RCPT TO:<d@localhost>", "DATA")
    client.send(b"Subject: x\r\n\r\n.\r\n")
    (answer,) = client.replies()
    client.hang_up()
    (sent,) = found
    assert answer.endswith(sent.queue_id)
    assert (sent.sender, sent.body, sent.ret, sent.envid, sent.protocol) == ("", "8BITMIME", "HDRS", "q+1", "ESMTP")
    assert sent.recipients == (
        EnvelopeRecipient("b@localhost", ("DELAY", "SUCCESS"), OriginalRecipient("rfc822", "c@example.org")),
        EnvelopeRecipient("d@localhost"),
    )
    assert (sent.helo, sent.tls_version, sent.username, sent.received) == ("client.example", None, None, MOMENT)


def test_a_moment_of_another_zone():
    there = envelope(hold_until=datetime(2030, 1, 31, 14, tzinfo=timezone(timedelta(hours=2))))
    assert EnvelopeFields.parsed(there.as_strings()).hold_until == MOMENT
