"""RFC 6531: addresses and headers beyond ASCII, and what they need."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, NotOffered, RcptOptions
from txsmtpx.extensions.auth import AUTH
from txsmtpx.extensions.dsn import DSN
from txsmtpx.extensions.eightbitmime import EIGHTBITMIME
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.testing import Conversation, RecordingBackend


def test_it_needs_8bitmime() -> None:
    """§3.1."""
    with pytest.raises(ValueError, match="SMTPUTF8 requires 8BITMIME"):
        Conversation(extensions=[SMTPUTF8])


def test_addresses_beyond_ascii_need_it() -> None:
    """§3.7.1: 550 for a sender, 553 for a recipient; the parameter of MAIL counts for the recipients too."""
    talk = Conversation(extensions=[EIGHTBITMIME, SMTPUTF8])
    assert talk.ask("EHLO client.example")[-1] == "250 SMTPUTF8"
    assert talk.ask("MAIL FROM:<jürgen@example.com>") == ["550 5.6.7 That sender needs SMTPUTF8"]
    talk.ask("MAIL FROM:<me@example.com>")
    assert talk.ask("RCPT TO:<jürgen@example.com>", "RSET")[0] == "553 5.6.7 That address needs SMTPUTF8"
    assert talk.ask("MAIL FROM:<jürgen@example.com> SMTPUTF8") == ["250 2.1.0 Sender ok"]
    assert talk.ask("RCPT TO:<dömäin@bücher.example>") == ["250 2.1.5 Recipient ok"]
    assert talk.backend.calls[-1][1] == "dömäin@bücher.example"
    talk.hang_up()


@pytest.mark.parametrize(("options", "wanted"), [
    (MailOptions(smtputf8=True), True), (MailOptions(smtputf8=False), False), (MailOptions(), False),
    (RcptOptions(), False),
])  # fmt: skip
def test_a_message_that_asks_for_it_is_not_sent_without_it(options, wanted) -> None:
    assert SMTPUTF8.wanted(options) is wanted


def test_our_client_asks_for_it_where_an_address_needs_it() -> None:
    ends = Ends(extensions=[EIGHTBITMIME, SMTPUTF8])
    ends.send("jürgen@example.com", ["you@example.com"], b"x\r\n")
    ends.send("me@example.com", ["you@example.com"], b"x\r\n")
    assert [line.endswith(" SMTPUTF8") for line in ends.words("MAIL")] == [True, False]
    assert [message.sender for message in ends.backend.messages] == ["jürgen@example.com", "me@example.com"]
    ends.over()


def test_our_client_sends_nothing_where_it_is_not_offered() -> None:
    ends = Ends(extensions=[EIGHTBITMIME])
    ends.said.clear()
    with pytest.raises(NotOffered, match="does not offer SMTPUTF8"):
        ends.send("jürgen@example.com", ["you@example.com"], b"x\r\n")
    assert not ends.said
    ends.over()


@pytest.mark.parametrize("parameter", ["ORCPT=utf-8;jü@example.com", "ORCPT=utf-8;\\x{FC}ü@example.com"])
def test_utf8_in_a_parameter_needs_smtputf8(parameter: str) -> None:
    """RFC 6533 §3: without it, ORCPT is written in ASCII."""
    extensions = [EIGHTBITMIME, SMTPUTF8, DSN, AUTH]
    client = Conversation(RecordingBackend({"username": "password"}), extensions=extensions, inside_tls=True)
    client.ask("EHLO client.example")
    needs = "501 5.5.4 Bad parameter value: beyond ASCII it needs SMTPUTF8"
    client.ask("MAIL FROM:<me@example.com>")
    assert client.ask(f"RCPT TO:<you@example.com> {parameter}") == [needs]
    client.ask("RSET")
    assert client.ask("MAIL FROM:<me@example.com> AUTH=<jü@example.com>") == [needs]
    assert client.ask("MAIL FROM:<me@example.com> AUTH=<jü@example.com> SMTPUTF8") == ["250 2.1.0 Sender ok"]
    assert client.ask(f"RCPT TO:<you@example.com> {parameter}") == ["250 2.1.5 Recipient ok"]
    client.hang_up()
