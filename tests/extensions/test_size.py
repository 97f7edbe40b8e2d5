"""RFC 1870: the limit that a server announces, and messages that are larger; for the values see ``rows.py``."""

from __future__ import annotations

import pytest

from tests.extensions.ends import Ends
from txsmtpx import MessageTooBig
from txsmtpx.extensions.size import SIZE
from txsmtpx.testing import Conversation


@pytest.mark.parametrize(("limit", "sizes"), [
    (100, {"0": "250", "100": "250", "101": "552", "99999999999999999999": "552"}),
    (0, {"0": "250", "99999999999999999999": "250"}),
])  # fmt: skip
def test_a_message_is_refused_by_its_size_before_it_comes(limit: int, sizes: dict[str, str]) -> None:
    """§6.1; §3: 0 is no limit."""
    talk = Conversation(extensions=[SIZE], max_message_bytes=limit)
    assert talk.ask("EHLO client.example")[-1] == f"250 SIZE {limit}"
    for size, code in sizes.items():
        assert talk.ask(f"MAIL FROM:<me@example.com> SIZE={size}", "RSET")[0][:3] == code, size
    talk.hang_up()


def test_what_is_said_of_it() -> None:
    talk = Conversation(extensions=[SIZE], max_message_bytes=10)
    talk.ask("EHLO client.example")
    assert talk.ask("MAIL FROM:<me@example.com> SIZE=11") == ["552 5.3.4 Message too big"]
    talk.hang_up()


@pytest.mark.parametrize(("text", "limit"), [("", 0), ("0", 0), ("35651584", 35651584), ("9" * 20, 10**20 - 1)])
def test_read(text: str, limit: int) -> None:
    assert SIZE.read(text) == limit


@pytest.mark.parametrize("text", ["-1", "10M", "9" * 21, "1 2", "\u0661"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="takes a number"):
        SIZE.read(text)


@pytest.mark.parametrize("octets", [9, 10])
def test_our_client_sends_what_the_server_takes(octets: int) -> None:
    ends = Ends(extensions=[SIZE], max_message_bytes=10)
    ends.send("me@example.com", ["you@example.com"], b"x" * (octets - 2) + b"\r\n")
    assert ends.words("MAIL") == [f"MAIL FROM:<me@example.com> SIZE={octets}"]
    ends.over()


def test_our_client_sends_no_more_than_the_server_takes() -> None:
    ends = Ends(extensions=[SIZE], max_message_bytes=10)
    ends.said.clear()
    with pytest.raises(MessageTooBig, match=r"accepts 10 octets \(SIZE\), the message has 11"):
        ends.send("me@example.com", ["you@example.com"], b"x" * 9 + b"\r\n")
    assert not ends.said
    ends.over()
