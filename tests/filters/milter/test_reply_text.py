"""The text of SMFIR_REPLYCODE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.filters.milter.errors import MilterProtocolError
from txsmtpx.filters.milter.reply_text import reply_of, text_of
from txsmtpx.grammar.reply import Reply


@pytest.mark.parametrize(("text", "reply"), [
    (b"550 5.7.1 No", Reply(550, (5, 7, 1), "No")),
    (b"451 4.7.1 100%% later", Reply(451, (4, 7, 1), "100% later")),
    (b"550-5.7.1 No,\r\n550 5.7.1 and no", Reply(550, (5, 7, 1), "No,", "and no")),
    (b"550 No", Reply(550, (5, 7, 1), "No")),
    (b"421", Reply(421, (4, 7, 1), "")),
    (b"550 5.7.1 a%b%%%c%", Reply(550, (5, 7, 1), "ab%c")),
    (b"550 4.7.1 No", Reply(550, (5, 7, 1), "4.7.1 No")),
    (b"550 \xff", Reply(550, (5, 7, 1), "\ufffd")),
])  # fmt: skip
def test_the_reply(text, reply):
    assert reply_of(text) == reply


@pytest.mark.parametrize(("text", "said"), [
    (b"", "not a reply line: b''"),
    (b"No", "not a reply line: b'No'"),
    (b"250 2.0.0 Yes", "not a reply of 4xx or 5xx: b'250 2.0.0 Yes'"),
    (b"354 Go", "not a reply of 4xx or 5xx: b'354 Go'"),
    (b"650 No", "not a reply line: b'650 No'"),
    (b"550-No", "not a reply of 4xx or 5xx: b'550-No'"),
    (b"550-No\r\n451 No", "one reply has the codes 550 and 451"),
    (b"550 No\r\n550 No", r"more than one reply: b'550 No\\r\\n550 No'"),
    (b"550 No\r\n", r"more than one reply: b'550 No\\r\\n'"),
])  # fmt: skip
def test_no_reply(text, said):
    with pytest.raises(MilterProtocolError, match=f"^{said}$"):
        reply_of(text)


@given(st.binary(max_size=60))
def test_any_octets(octets):
    try:
        reply = reply_of(octets)
    except MilterProtocolError:
        return
    assert 400 <= reply.code < 600
    assert reply.enhanced_code is not None


@given(
    st.integers(400, 599),
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40), min_size=1),
)
def test_there_and_back(code, lines):
    reply = Reply(code, (code // 100, 7, 1), *lines)
    assert reply_of(text_of(reply)) == reply
