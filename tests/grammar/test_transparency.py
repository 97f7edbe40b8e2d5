"""
Transparency (RFC 5321 §4.5.2) and bare newlines (guarantee 4), against a model.

Whole, cut at every position, one octet at a time, cut anyhow; with trailing octets behind the end.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.grammar.octetwise import model
from txsmtpx.grammar.transparency import MAX_CRS, Stuffer, Unstuffer

POLICIES = ["normalize", "reject", "accept"]


def unstuff(pieces: list[bytes], policy: str) -> tuple[bytes, int, bool]:
    unstuffer = Unstuffer(policy)
    message, before = b"", 0
    for piece in pieces:
        # Not always at the start of the segment: commands may stand before the message.
        chunk, end = unstuffer.feed(b"DATA\r\n" + piece, 6)
        message += chunk
        if end >= 0:
            return message, before + end - 6, unstuffer.bare
        before += len(piece)
    return message, -1, unstuffer.bare


MESSAGES = [
    b".\r\n",
    b"a\r\n.\r\n",
    b"..\r\n.\r\n",
    b".a\r\n..a\r\n...\r\n.\r\n",
    b"\r\n\r\n.\r\n",
    b"a\n.\nb\r\n.\r\n",
    b"a\n.\r\nb\r\n.\r\n",
    b"a\r\n.\nb\r\n.\r\n",
    b"a\r\n.\rb\r\n.\r\n",
    b"a\r.\r\nb\r\n.\r\n",
    b"a\r.\rb\r\n.\r\n",
    b"a\r\r\n.\r\n",
    b"a\r\n\r.\r\n.\r\n",
    b"a\r\n.\r\r\n.\r\n",
    b"Subject: x\r\r\n\r\r\na\r\r\n..b\r\r\n.\r\r\n.\r\n",
    b"a\r\r\r\r\nb\r\r\r\r\r\nc\r\r\r\r\r\r\r\r\r\r\r\r\n.\r\n",
    b"\r\r\n.\r\r\r\n.\r\r\n.\r\n",
    b"\r\r\r\rx\r\r\r\r\n\r\r.\r\n.\r\n",
    b"\n.\n\n..\n.\r\n\r\n.\r\n",
    b"\r.\n\r\n.\r\n",
    b"\0\xff\r\n.\r\n",
]
TRAILING = [b"", b"QUIT\r\n", b".\r\n", b"\r\n", b"\n.\r\n"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("trailing", TRAILING)
@pytest.mark.parametrize("message", MESSAGES)
def test_whole_cut_everywhere_and_octet_by_octet(message, trailing, policy):
    data = message + trailing
    expected = model(data, policy)
    assert expected[1] == len(message)
    assert unstuff([data], policy) == expected
    for cut in range(1, len(data)):
        assert unstuff([data[:cut], data[cut:]], policy) == expected
    assert unstuff([data[n : n + 1] for n in range(len(data))], policy) == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_every_short_message(policy):
    """All of five octets that matter, each in one piece and in single octets."""
    for octets in itertools.product(b"\r\n.a", repeat=5):
        data = bytes(octets) + b"\r\n.\r\n"
        expected = model(data, policy)
        assert unstuff([data], policy) == expected
        assert unstuff([data[n : n + 1] for n in range(len(data))], policy) == expected


octets = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\0", b"\r\n.", b"\n.\n"]), max_size=30)
pieces = octets.map(b"".join)


@given(st.lists(pieces, max_size=8), st.sampled_from(POLICIES))
def test_cut_anyhow(cut, policy):
    whole = b"".join(cut) + b"\r\n.\r\n"
    assert unstuff([*cut, b"\r\n.\r\n"], policy) == model(whole, policy) == unstuff([whole], policy)


@given(st.lists(pieces, max_size=8))
def test_normalized_is_clean_and_cannot_be_smuggled_further_on(cut):
    """Guarantee 4: no bare CR or LF; and sent on, it ends where it ends, for the next server too."""
    message, _, _ = unstuff([*cut, b"\r\n.\r\n"], "normalize")
    assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")
    sent = stuff([message])
    for policy in POLICIES:
        assert unstuff([sent], policy) == (message, len(sent), False)


def test_more_is_to_come():
    unstuffer = Unstuffer()
    assert [unstuffer.feed(octets) for octets in (b"a", b".\r\n", b".\r\n")] == [(b"a", -1), (b".", -1), (b"\r\n", 3)]


@given(st.lists(pieces, max_size=8))
def test_what_is_withheld_is_little(cut):
    unstuffer = Unstuffer("accept")
    given = b""
    fed = b""
    for piece in cut:
        chunk, end = unstuffer.feed(piece)
        given += chunk
        fed += piece
        if end >= 0:
            return
        assert len(model(fed, "accept")[0]) - len(given) <= 4 + MAX_CRS - 1


def stuff(chunks: list[bytes]) -> bytes:
    stuffer = Stuffer()
    return b"".join(map(stuffer.feed, chunks)) + stuffer.finish()


def stuff_model(message: bytes) -> bytes:
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n.\r\n", b"..\r\n..\r\n.\r\n"),
        (b"a\n.b\r.c", b"a\r\n..b\r\n..c\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b"\r\r\n\n\r", b"\r\n\r\n\r\n\r\n.\r\n"),
        (b"a.b\r\n\r\n", b"a.b\r\n\r\n.\r\n"),
    ],
)
def test_stuffed(message, sent):
    assert stuff([message]) == stuff_model(message) == sent
    for cut in range(len(message) + 1):
        assert stuff([message[:cut], message[cut:]]) == sent
    assert stuff([message[n : n + 1] for n in range(len(message))]) == sent


@given(st.lists(pieces, max_size=8))
def test_stuffed_however_it_is_cut(cut):
    message = b"".join(cut)
    assert stuff(cut) == stuff([message]) == stuff_model(message)


@given(st.lists(pieces, max_size=8), st.lists(st.integers(1, 20), max_size=20), st.sampled_from(POLICIES))
def test_unstuff_is_the_inverse_of_stuff(cut, sizes, policy):
    clean = b"".join(cut).replace(b"\r", b"").replace(b"\n", b"\r\n")
    sent = stuff([clean])
    segments, at = [], 0
    for size in sizes:
        segments.append(sent[at : at + size])
        at += size
    expected = clean if clean.endswith(b"\r\n") or not clean else clean + b"\r\n"
    assert unstuff([*segments, sent[at:]], policy) == (expected, len(sent), False)


def test_cr_cr_lf_is_one_line_end():
    """As twisted.mail's sendmail writes it; the empty line behind the header stays empty."""
    message = b"Subject: x\r\r\n\r\r\ntext\r\r\n.\r\n"
    assert Unstuffer("normalize").feed(message) == (b"Subject: x\r\n\r\ntext\r\n", len(message))
    for policy in ("reject", "accept"):
        unstuffer = Unstuffer(policy)
        assert unstuffer.feed(message) == (message[:-3], len(message))
        assert unstuffer.bare


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\r\n", b".\r", b"\r\r\n"])
def test_an_endless_run_is_not_withheld(octet):
    """Guarantee 5."""
    unstuffer = Unstuffer()
    assert sum(len(unstuffer.feed(octet * 1000)[0]) for _ in range(10)) > 10 * 1000 * 2 // 3 - 20


def test_bare_newlines_are_made_whole_unless_one_says_otherwise():
    assert Unstuffer().feed(b"a\nb\rc\r\n.\r\n") == (b"a\r\nb c\r\n", 10)
