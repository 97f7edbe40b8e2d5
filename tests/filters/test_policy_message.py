"""The octets of a request to a policy server, and of its answer."""

from __future__ import annotations

import pytest

from txsmtpx.filters.policy_message import MAX_ANSWER, AnswerParser, PolicyError, encode


def test_a_request() -> None:
    asked = encode({"request": "smtpd_access_policy", "helo_name": "", "sender": "j\u00fcrgen@example.org"})
    assert asked == b"request=smtpd_access_policy\nhelo_name=\nsender=j\xc3\xbcrgen@example.org\n\n"


@pytest.mark.parametrize("octet", [*map(chr, range(32)), "\x7f", "\x85", "\u2028", "\ud800"], ids=ascii)
def test_a_value_adds_nothing(octet: str) -> None:
    asked = encode({"helo_name": f"a{octet}{octet}action=OK{octet}", "sender": ""})
    assert asked == b"helo_name=a??action=OK?\nsender=\n\n"


@pytest.mark.parametrize("name", ["", "a=b", "a\n", "A", "a b", "\u00fc"])
def test_no_name_of_an_attribute(name: str) -> None:
    with pytest.raises(ValueError, match="the name of an attribute has"):
        encode({name: ""})


ANSWERS = [
    (b"action=DUNNO\n\n", "DUNNO"),
    (b"action=\n\n", ""),
    (b"action=550 5.7.1 a=b\n\n", "550 5.7.1 a=b"),
    (b"action=OK\naction=REJECT\n\n", "OK"),
    (b"x=y\naction=OK\nz=\n\n", "OK"),
    (b"action=REJECT \xc3\xbc\xff\n\n", "REJECT \u00fc\ufffd"),
    (b"action=OK\r\n\n", "OK\r"),
]


@pytest.mark.parametrize(("octets", "action"), ANSWERS)
def test_an_answer(octets: bytes, action: str) -> None:
    """Whole, cut at each position, and one octet at a time."""
    assert AnswerParser().feed(octets) == action
    for cut in range(1, len(octets)):
        parser = AnswerParser()
        assert (parser.feed(octets[:cut]), parser.feed(octets[cut:])) == (None, action)
    parser = AnswerParser()
    assert [parser.feed(bytes([octet])) for octet in octets] == [*[None] * (len(octets) - 1), action]


@pytest.mark.parametrize(("octets", "text"), [
    (b"\n", "the answer is empty"),
    (b"\n\n", "the answer is empty"),
    (b"DUNNO\n\n", "a line of the answer has no '=': b'DUNNO'"),
    (b"action=OK\nDUNNO\n\n", "a line of the answer has no '='"),
    (b"reaction=OK\n\n", "the answer has no action: b'reaction=OK"),
    (b"HTTP/1.1 400 a=b\n\n", "the answer has no action"),
    (b"action=OK\n\naction=OK\n\n", "octets follow the answer: b'action=OK"),
    (b"action=OK\n\n\n", "octets follow the answer"),
    (b"action=" + b"x" * MAX_ANSWER, f"the answer has more than {MAX_ANSWER} octets"),
    (b"x=\n" * MAX_ANSWER, f"the answer has more than {MAX_ANSWER} octets"),
])  # fmt: skip
def test_no_answer(octets: bytes, text: str) -> None:
    with pytest.raises(PolicyError, match=f"^{text}"):
        AnswerParser().feed(octets)


def test_it_has_begun() -> None:
    parser = AnswerParser()
    assert not parser.begun
    parser.feed(b"a")
    assert parser.begun
