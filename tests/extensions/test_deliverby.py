"""RFC 2852: what a server needs at least, on both ends; for the rest see ``rows.py``."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MailOptions, NotOffered
from txsmtpx.extensions.deliverby import DELIVERBY
from txsmtpx.grammar.option_value import DeliverBy
from txsmtpx.testing import Conversation


@pytest.mark.parametrize(("value", "code"), [("59;R", "555"), ("60;R", "250"), ("59;N", "250"), ("0;R", "501")])
def test_the_server(value: str, code: str) -> None:
    """§3 wants a 55z, §4 a 555; and 501 for what is no time left at all."""
    talk = Conversation(extensions=[DELIVERBY], deliver_by_minimum=60)
    assert talk.ask("EHLO client.example")[-1] == "250 DELIVERBY 60"
    (said,) = talk.ask(f"MAIL FROM:<me@example.com> BY={value}")
    assert said[:3] == code
    talk.hang_up()


@pytest.mark.parametrize(("text", "least"), [("", 0), ("60", 60), ("60,x=1,y", 60), (",x", 0)])
def test_read(text: str, least: int) -> None:
    """§2: options of the future stand behind commas."""
    assert DELIVERBY.read(text) == least


@pytest.mark.parametrize("text", ["soon", "-1", "1234567890", "60 x"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="takes a number"):
        DELIVERBY.read(text)


def test_the_client_asks_for_nothing_that_the_server_cannot_do() -> None:
    """§4.1.4.1."""
    ends = Ends(extensions=[DELIVERBY], deliver_by_minimum=60)
    ends.said.clear()
    with pytest.raises(NotOffered, match="needs 60 seconds"):
        ends.send("me@example.com", ["you@example.com"], b"Hello\r\n", MailOptions(deliver_by=DeliverBy(59, "R")))
    assert not ends.said
    for by in (DeliverBy(60, "R"), DeliverBy(59, "N")):
        ends.send("me@example.com", ["you@example.com"], b"Hello\r\n", MailOptions(deliver_by=by))
    assert [each.options.deliver_by for each in ends.backend.messages] == [DeliverBy(60, "R"), DeliverBy(59, "N")]
    ends.over()
