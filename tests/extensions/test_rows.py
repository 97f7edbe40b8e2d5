"""
Each parameter (guarantee 18): announced and honoured, on the right command only, decoded; not announced, not accepted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.extensions.ends import Ends
from tests.extensions.rows import ROWS, Row
from txsmtpx import MailOptions, NotOffered, RcptOptions
from txsmtpx.dialog.extension import Extension
from txsmtpx.extensions import registry
from txsmtpx.grammar import esmtp_parameter
from txsmtpx.grammar.esmtp_parameter import Parameter
from txsmtpx.grammar.malformed import Malformed
from txsmtpx.grammar.option_value import DeliverBy, OriginalRecipient, ValidSince
from txsmtpx.testing import Conversation, RecordingBackend

OTHER = {"MAIL": "RCPT", "RCPT": "MAIL"}
PATHS = {"MAIL": "MAIL FROM:<me@example.com>", "RCPT": "RCPT TO:<you@example.com>"}
DEFAULTS = {"MAIL": MailOptions(), "RCPT": RcptOptions()}

rows = pytest.mark.parametrize("row", ROWS, ids=str)


def backend() -> RecordingBackend:
    return RecordingBackend({"username": "password"})


def conversation(row: Row, *extensions: Extension, before: str = "") -> Conversation:
    """Just before the command that the parameter belongs to."""
    made = Conversation(backend(), extensions=extensions, inside_tls=True, **row.settings)
    made.ask("EHLO client.example", *([PATHS["MAIL"] + " SMTPUTF8"] if before == "RCPT" else []))
    return made


def offered_with(extension: Extension) -> list[Extension]:
    """It, and what it cannot be without."""
    return [each for each in registry.EXTENSIONS if not each.needs_backend or each is extension]


def parameter(row: Row) -> Parameter:
    return next(each for each in (*row.extension.mail, *row.extension.rcpt) if each.keyword == row.keyword)


@rows
def test_decoded_into_its_field(row: Row) -> None:
    for text, value in row.good.items():
        talk = conversation(row, *offered_with(row.extension), before=row.verb)
        (said,) = talk.ask(f"{PATHS[row.verb]} {row.keyword.lower()}{text}")
        assert said[:3] == "250", text
        method, _, given_options = talk.backend.calls[-1]
        assert method == row.verb.lower()
        assert vars(given_options) == {row.field: value}
        talk.hang_up()


@rows
def test_a_bad_value(row: Row) -> None:
    talk = conversation(row, *offered_with(row.extension), before=row.verb)
    for text in row.bad:
        (said,) = talk.ask(f"{PATHS[row.verb]} {row.keyword}{text}")
        assert said.startswith(f"501 5.5.4 Bad parameter value: {row.keyword}: "), (text, said)
    (said,) = talk.ask(f"{PATHS[row.verb]} {row.keyword}{next(iter(row.good))} {row.keyword}{next(iter(row.good))}")
    assert said == f"501 5.5.4 Bad parameter value: {row.keyword} stands twice"
    assert talk.ask(PATHS[row.verb])[0][:3] == "250"
    talk.hang_up()


@rows
def test_what_is_said_of_a_bad_value_is_ours(row: Row) -> None:
    """No text of a Python exception reaches the peer."""
    for text in row.bad:
        with pytest.raises(Malformed):
            parameter(row).decode(text[1:] or None)


@rows
def test_not_on_the_other_command(row: Row) -> None:
    talk = conversation(row, *offered_with(row.extension), before=OTHER[row.verb])
    asked = f"{PATHS[OTHER[row.verb]]} {row.keyword}{next(iter(row.good))}"
    assert talk.ask(asked) == [f"555 5.5.4 Parameter not recognized: {row.keyword}"]
    talk.hang_up()


@rows
def test_not_announced_not_accepted(row: Row) -> None:
    others = [each for each in offered_with(row.extension) if each is not row.extension]
    others = [each for each in others if row.extension.keyword not in each.requires]
    talk = conversation(row, *others)
    assert row.extension.keyword not in talk.protocol.dialog.table.keywords
    if row.verb == "RCPT":
        talk.ask(PATHS["MAIL"])
    refused = [f"555 5.5.4 Parameter not recognized: {row.keyword}"]
    assert talk.ask(f"{PATHS[row.verb]} {row.keyword}{next(iter(row.good))}") == refused
    talk.hang_up()


def test_a_backend_has_to_declare_it() -> None:
    for row in ROWS:
        announced = row.extension in registry.offered_with(())
        assert announced is not row.extension.needs_backend
        assert row.extension in registry.offered_with([row.extension])


@rows
def test_from_our_client_to_our_server(row: Row) -> None:
    text, value = next(iter(row.good.items()))
    ends = Ends(backend(), inside_tls=True, extensions=offered_with(row.extension), **row.settings)
    ends.send(*_message(row, value))
    received = ends.backend.messages[0]
    found = received.options if row.verb == "MAIL" else received.recipient_options[0]
    assert getattr(found, row.field) == value
    assert ends.words(row.verb)[0].split().count(f"{row.keyword}{text}") == 1
    ends.over()


@rows
def test_for_a_server_that_does_not_offer_it(row: Row) -> None:
    """Guarantee 17."""
    others = [each for each in offered_with(row.extension) if row.extension.keyword not in each.requires]
    ends = Ends(inside_tls=True, extensions=[each for each in others if each is not row.extension])
    ends.said.clear()
    if row.earnest:
        with pytest.raises(NotOffered, match=f"does not offer {row.extension.keyword}$"):
            ends.send(*_message(row, next(iter(row.good.values()))))
        assert not ends.said
    else:
        ends.send(*_message(row, next(iter(row.good.values()))))
        assert row.keyword not in " ".join(ends.words(row.verb))
        assert len(ends.backend.messages) == 1
    ends.over()


def _message(row: Row, value: Any) -> tuple[Any, ...]:
    if row.verb == "MAIL":
        return "me@example.com", ["you@example.com"], b"Hello\r\n", MailOptions(**{row.field: value})
    return "me@example.com", [("you@example.com", RcptOptions(**{row.field: value}))], b"Hello\r\n"


def test_what_may_go_without() -> None:
    """BY with N only asks for news, RRVS with C is content with less (RFC 2852 §4, RFC 7293 §3)."""
    ends = Ends(extensions=[])
    since = ValidSince(datetime(2026, 1, 1, tzinfo=UTC), "C")
    recipients = [("you@example.com", RcptOptions(valid_since=since))]
    ends.send("me@example.com", recipients, b"Hello\r\n", MailOptions(deliver_by=DeliverBy(60, "N")))
    assert (ends.words("MAIL"), ends.words("RCPT")) == (["MAIL FROM:<me@example.com>"], ["RCPT TO:<you@example.com>"])
    ends.over()


# Round trips

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30)
unicode_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
moments = st.datetimes(
    min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30),  # the zone comes next
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)  # fmt: skip
whole_moments = moments.map(lambda moment: moment.replace(microsecond=0))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "size": st.integers(0, 10**20 - 1),
    "body": st.sampled_from(["7BIT", "8BITMIME", "BINARYMIME"]),
    "smtputf8": st.just(True),
    "prdr": st.just(True),
    "auth": st.just("") | st.from_regex(r"\A[a-z0-9+=!~]{1,20}@[a-z]{1,10}\.example\Z"),
    "ret": st.sampled_from(["FULL", "HDRS"]),
    "envid": printable,
    "notify": st.frozensets(st.sampled_from(["SUCCESS", "FAILURE", "DELAY"])),
    "orcpt": st.builds(OriginalRecipient, st.sampled_from(["rfc822", "x400"]), printable)
    | st.builds(OriginalRecipient, st.just("utf-8"), unicode_text),
    "requiretls": st.just(True),
    "deliver_by": st.builds(DeliverBy, st.integers(1, 999999999), st.just("R"), st.booleans())
    | st.builds(DeliverBy, st.integers(-999999999, 999999999), st.just("N"), st.booleans()),
    "priority": st.integers(-9, 9),
    "valid_since": st.builds(ValidSince, whole_moments, st.sampled_from(["C", "R"])),
    "hold_for": st.integers(1, 999999999),
    "hold_until": moments,
}


def test_every_field_is_here() -> None:
    fields = {each.field for extension in registry.EXTENSIONS for each in (*extension.mail, *extension.rcpt)}
    assert fields == set(VALUES) == {row.field for row in ROWS}


@given(row=st.sampled_from(ROWS), data=st.data())
@settings(max_examples=600)
def test_decode_is_the_inverse_of_encode(row: Row, data: st.DataObject) -> None:
    value = data.draw(VALUES[row.field])
    made = type(DEFAULTS[row.verb])(**{row.field: value})
    words = esmtp_parameter.format(made, [parameter(row)])
    found = type(DEFAULTS[row.verb])()
    esmtp_parameter.parse(" ".join(words), {row.keyword: parameter(row)}, found)
    assert getattr(found, row.field) == value


@given(row=st.sampled_from(ROWS), text=st.text("+=;,\\x{}<>@-:.0123459ACDEFGHILNPRSTUVWZacen é", max_size=24))
@settings(max_examples=600)
def test_anything_else_is_a_value_error(row: Row, text: str) -> None:
    """And what is accepted is written so that it is read as the same."""
    known = parameter(row)
    try:
        value = known.decode(text or None)
    except ValueError:
        return
    assert known.decode(known.encode(value)) == value


@pytest.mark.parametrize(("field", "value"), [
    ("size", -1), ("body", "8BITMIME RET=FULL"), ("ret", "HALF"), ("envid", ""), ("envid", "é"), ("envid", "x" * 101),
    ("envid", "a\r\nRSET"), ("deliver_by", DeliverBy(0, "R")), ("deliver_by", DeliverBy(10**9, "N")), ("priority", 10),
    ("hold_for", 0), ("hold_until", datetime(2026, 1, 1)),
    ("hold_until", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
])  # fmt: skip
def test_our_client_says_nothing_that_is_no_value_of_mail(field: str, value: Any) -> None:
    known = {each.field: each for extension in registry.EXTENSIONS for each in extension.mail}
    with pytest.raises(ValueError, match=r"."):
        known[field].encode(value)


@pytest.mark.parametrize(("field", "value"), [
    ("notify", frozenset({"ALWAYS"})),
    ("orcpt", OriginalRecipient("rfc822", "é")), ("orcpt", OriginalRecipient("", "x")),
    ("orcpt", OriginalRecipient("rfc822", "")), ("orcpt", OriginalRecipient("utf-8", "a\nb")),
    ("orcpt", OriginalRecipient("rfc822", "x" * 500)), ("valid_since", ValidSince(datetime(2026, 1, 1))),
    ("valid_since", ValidSince(datetime(2026, 1, 1, tzinfo=UTC), "X")),
])  # fmt: skip
def test_our_client_says_nothing_that_is_no_value_of_rcpt(field: str, value: Any) -> None:
    known = {each.field: each for extension in registry.EXTENSIONS for each in extension.rcpt}
    with pytest.raises(ValueError, match=r"."):
        known[field].encode(value)
