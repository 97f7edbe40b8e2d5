"""RFC 3461 and RFC 6533: what the parameters hold at most, and on which command; for the values see ``rows.py``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, RcptOptions
from txsmtpx.extensions.dsn import DSN, MAX_ENVID, MAX_ORCPT
from txsmtpx.grammar.option_value import OriginalRecipient
from txsmtpx.testing import Conversation, RecordingBackend

RET, ENVID = DSN.mail
NOTIFY, ORCPT = DSN.rcpt


class Notifying(RecordingBackend):
    supports = (DSN,)


def test_offered_if_the_backend_sends_notifications() -> None:
    for backend, offered in ((RecordingBackend(), False), (Notifying(), True)):
        talk = Conversation(backend)
        assert any("DSN" in line for line in talk.ask("EHLO client.example")) is offered
        assert talk.ask("MAIL FROM:<me@example.com> RET=HDRS")[0][:3] == ("250" if offered else "555")
        talk.hang_up()


@pytest.mark.parametrize(("envid", "fits"), [
    ("x" * MAX_ENVID, True), ("x" * (MAX_ENVID + 1), False), ("=" * 33 + "x", True), ("=" * 34, False),
])  # fmt: skip
def test_envid_is_counted_as_it_is_sent(envid: str, fits: bool) -> None:
    """RFC 3461 §4.4: 100 characters of xtext, in which "=" takes three."""
    if fits:
        assert ENVID.decode(ENVID.encode(envid)) == envid
    else:
        with pytest.raises(ValueError, match="at most 100 characters"):
            ENVID.encode(envid)


@pytest.mark.parametrize("octets", [MAX_ORCPT - 1, MAX_ORCPT])
def test_orcpt_is_counted_with_its_type(octets: int) -> None:
    address = "x" * (octets - len("rfc822;"))
    assert ORCPT.decode(f"rfc822;{address}") == OriginalRecipient("rfc822", address)
    with pytest.raises(ValueError, match="in xtext"):
        ORCPT.decode(f"rfc822;{'x' * (MAX_ORCPT - 6)}")


@pytest.mark.parametrize(("events", "text"), [
    (frozenset(), "NEVER"), (frozenset({"DELAY", "FAILURE", "SUCCESS"}), "SUCCESS,FAILURE,DELAY"),
    (frozenset({"DELAY"}), "DELAY"),
])  # fmt: skip
def test_notify_is_written_in_one_order(events, text) -> None:
    assert NOTIFY.encode(events) == text
    assert NOTIFY.decode(text.lower()) == events


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_an_address_of_type_utf_8_is_sent_in_ascii(address: str) -> None:
    """RFC 6533 §3: with and without SMTPUTF8."""
    text = ORCPT.encode(OriginalRecipient("utf-8", address))
    assert text.isascii()
    assert " " not in text
    assert ORCPT.decode(text) == OriginalRecipient("utf-8", address)


@pytest.mark.parametrize(
    "escape", [r"\x{00}", r"\x{1F}", r"\x{7F}", r"\x{9F}", r"\x{DFFF}", r"\x{FFFFFF}", r"\x{5}", r"\x{}"]
)
def test_no_escape_hides_a_control_character(escape: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ORCPT.decode(f"utf-8;a{escape}@example.com")


def test_from_our_client_to_our_server() -> None:
    ends = Ends(Notifying())
    original = OriginalRecipient("rfc822", "other@example.com")
    recipients = [
        ("you@example.com", RcptOptions(notify=frozenset({"FAILURE"}), orcpt=original)),
        ("they@example.com", RcptOptions(notify=frozenset())),
    ]
    ends.send("me@example.com", recipients, b"x\r\n", MailOptions(ret="HDRS", envid="a b"))
    (message,) = ends.backend.messages
    assert (message.options.ret, message.options.envid) == ("HDRS", "a b")
    assert [each.notify for each in message.recipient_options] == [frozenset({"FAILURE"}), frozenset()]
    assert message.recipient_options[0].orcpt == original
    assert ends.words("MAIL")[0].endswith(" RET=HDRS ENVID=a+20b")
    assert ends.words("RCPT")[1] == "RCPT TO:<they@example.com> NOTIFY=NEVER"
    ends.over()
