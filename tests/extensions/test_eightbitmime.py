"""RFC 6152: bodies with octets above 127; for the values of BODY see ``rows.py``."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import EightBitContent
from txsmtpx.extensions.binarymime import BINARYMIME
from txsmtpx.extensions.chunking import CHUNKING
from txsmtpx.extensions.eightbitmime import BODY, EIGHTBITMIME
from txsmtpx.extensions.registry import extension_named
from txsmtpx.extensions.smtputf8 import SMTPUTF8
from txsmtpx.testing import Conversation

BYTES = "Subject: x\r\n\r\né\r\n".encode()


@pytest.mark.parametrize(("extensions", "answer"), [
    ([EIGHTBITMIME], "501 5.5.4 Bad parameter value: BODY: BINARYMIME is not offered"),
    ([EIGHTBITMIME, CHUNKING, BINARYMIME], "250 2.1.0 Sender ok"),
])  # fmt: skip
def test_binarymime_is_an_extension_of_its_own(extensions, answer) -> None:
    """RFC 3030 §3."""
    talk = Conversation(extensions=extensions)
    talk.ask("EHLO client.example")
    assert talk.ask("MAIL FROM:<me@example.com> BODY=BINARYMIME") == [answer]
    talk.hang_up()


def test_the_parameter_is_that_of_binarymime_too() -> None:
    assert EIGHTBITMIME.mail == (BODY,)
    assert BINARYMIME.mail == ()
    assert BODY.decode(BODY.encode("BINARYMIME")) == "BINARYMIME"


def test_smtputf8_and_binarymime_need_it() -> None:
    for extension in (SMTPUTF8, BINARYMIME):
        assert "8BITMIME" in extension.requires
    assert extension_named("8bitmime") is EIGHTBITMIME


@pytest.mark.parametrize(("message", "word"), [(BYTES, " BODY=8BITMIME"), (b"Subject: x\r\n\r\nx\r\n", "")])
def test_our_client_asks_for_it_where_the_message_needs_it(message: bytes, word: str) -> None:
    ends = Ends(extensions=[EIGHTBITMIME])
    ends.send("me@example.com", ["you@example.com"], message)
    assert ends.words("MAIL") == [f"MAIL FROM:<me@example.com>{word}"]
    assert ends.backend.messages[0].content == message
    ends.over()


def test_our_client_sends_no_such_message_where_it_is_not_offered() -> None:
    ends = Ends(extensions=[])
    ends.said.clear()
    with pytest.raises(EightBitContent):
        ends.send("me@example.com", ["you@example.com"], BYTES)
    assert not ends.words("DATA")
    ends.over()
