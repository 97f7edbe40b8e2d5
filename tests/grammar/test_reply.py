"""Replies (RFC 5321 §4.2, RFC 2034, RFC 3463): written and read, and lines that are not replies."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar.reply import MAX_LINE, MAX_PARSED_LINES, Reply, ReplyParser

WRITTEN = [
    (Reply(220, None, "mx.example.org ESMTP"), b"220 mx.example.org ESMTP\r\n"),
    (Reply(250, (2, 0, 0), "Ok"), b"250 2.0.0 Ok\r\n"),
    (Reply(250, None), b"250 \r\n"),
    (Reply(250, (2, 1, 5)), b"250 2.1.5 \r\n"),
    (Reply(250, None, "a", "PIPELINING", "SIZE 0"), b"250-a\r\n250-PIPELINING\r\n250 SIZE 0\r\n"),
    (Reply(550, (5, 7, 1), "No", "and no"), b"550-5.7.1 No\r\n550 5.7.1 and no\r\n"),
    (Reply(550, (5, 123, 456), "Ünknöwn"), "550 5.123.456 Ünknöwn\r\n".encode()),
]


@pytest.mark.parametrize(("reply", "octets"), WRITTEN)
def test_written(reply, octets):
    assert reply.encode() == octets


@pytest.mark.parametrize(("reply", "octets"), WRITTEN)
def test_read_back(reply, octets):
    assert read(octets) == [reply]


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("a\r\n221 Bye", b"550-5.0.0 a\r\n550 5.0.0 221 Bye\r\n"),
        ("a\rb\nc", b"550-5.0.0 a\r\n550-5.0.0 b\r\n550 5.0.0 c\r\n"),
        ("a\0b\x07c\x7fd", b"550 5.0.0 a?b?c?d\r\n"),
        ("a\x85b\u2028c", b"550-5.0.0 a\r\n550-5.0.0 b\r\n550 5.0.0 c\r\n"),
        ("\udcff", b"550 5.0.0 ?\r\n"),
        ("\n", b"550 5.0.0 \r\n"),
    ],
)
def test_a_backend_that_quotes_the_peer_begins_no_line_of_the_peers_making(text, octets):
    assert Reply(550, (5, 0, 0), text).encode() == octets


@pytest.mark.parametrize("code", [0, 199, 600, 2500, -250])
def test_no_such_code(code):
    with pytest.raises(ValueError, match=r"^a reply code is a number from 200 to 599, not "):
        Reply(code, None, "Ok")


def test_the_classes_of_both_codes_agree():
    with pytest.raises(ValueError, match="does not go with 550"):
        Reply(550, (4, 0, 0), "No")


def test_positive_and_temporary():
    found = [(Reply(code, None).positive, Reply(code, None).temporary) for code in (250, 354, 450, 550)]
    assert found == [(True, False), (True, False), (False, True), (False, False)]


@pytest.mark.parametrize("length", [MAX_LINE - 12, MAX_LINE - 11, 5 * MAX_LINE])
def test_folded_at_512_octets(length):
    """"550 5.0.0 " and CRLF are twelve octets of a line."""
    lines = Reply(550, (5, 0, 0), "x" * length).encode().split(b"\r\n")[:-1]
    assert len(lines) == -(-length // (MAX_LINE - 12))
    assert max(map(len, lines)) <= MAX_LINE - 2
    assert b"".join(line[10:] for line in lines) == b"x" * length


def test_folded_between_words_and_never_within_a_letter():
    first, second = Reply(250, None, "a" * 400 + " " + "b" * 200).encode().split(b"\r\n")[:-1]
    assert (first, second) == (b"250-" + b"a" * 400, b"250 " + b"b" * 200)
    for shift in range(4):
        lines = Reply(250, None, "x" * shift + "\U0001f4ec" * 300).encode().split(b"\r\n")[:-1]
        assert len(lines) == 3
        assert "".join(line[4:].decode() for line in lines) == "x" * shift + "\U0001f4ec" * 300


def read(octets: bytes) -> list[Reply]:
    parser = ReplyParser()
    found = [parser.feed(line) for line in octets.split(b"\r\n")[:-1]]
    assert not parser.partial
    return [reply for reply in found if reply is not None]


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"250\r\n", Reply(250, None, "")),
        (b"250-\r\n250\r\n", Reply(250, None, "", "")),
        (b"250-2.1.0 a\r\n250 b\r\n", Reply(250, (2, 1, 0), "a", "b")),
        (b"250-a\r\n250 2.1.0 b\r\n", Reply(250, (2, 1, 0), "a", "b")),
        (b"250 5.1.0 a\r\n", Reply(250, None, "5.1.0 a")),
        (b"250 2.1.0\r\n", Reply(250, (2, 1, 0), "")),
        (b"250 2.1.0.7 a\r\n", Reply(250, None, "2.1.0.7 a")),
        (b"354 2.0.0 a\r\n", Reply(354, None, "2.0.0 a")),
        (b"250 \xff\r\n", Reply(250, None, "\ufffd")),
    ],
)
def test_read_leniently(octets, reply):
    assert read(octets) == [reply]


@pytest.mark.parametrize("line", [b"", b"25", b"abc", b"250x", b"2500 a", b"199 a", b"600 a", b" 250 a", b"250\ta"])
def test_no_reply(line):
    with pytest.raises(ValueError, match=r"^not a reply line: "):
        ReplyParser().feed(line)


def test_lines_that_contradict_each_other():
    parser = ReplyParser()
    assert parser.feed(b"250-a") is None
    assert parser.partial
    with pytest.raises(ValueError, match=r"^one reply has the codes 250 and 251$"):
        parser.feed(b"251 b")


def test_a_reply_without_end():
    parser = ReplyParser()
    for _ in range(MAX_PARSED_LINES):
        assert parser.feed(b"250-a") is None
    with pytest.raises(ValueError, match=r"^a reply has more than 1000 lines$"):
        parser.feed(b"250-a")


texts = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=100)


@given(st.integers(200, 599), st.tuples(st.integers(0, 999), st.integers(0, 999)), st.lists(texts, min_size=1))
def test_read_is_the_inverse_of_write(code, detail, lines):
    enhanced = None if code < 200 or code // 100 == 3 else (code // 100, *detail)
    replies = [Reply(code, enhanced, *lines), Reply(250, (2, 0, 0), "Ok")]
    if enhanced is None:
        lines[:] = [f"x{line}" for line in lines]
        replies[0] = Reply(code, None, *lines)
    assert read(b"".join(reply.encode() for reply in replies)) == replies


@given(st.integers(200, 599), st.lists(st.text(max_size=2000), max_size=5))
def test_whatever_a_backend_says_is_one_reply_in_lines_of_512_octets(code, lines):
    octets = Reply(code, None, *lines).encode()
    assert max(map(len, octets.split(b"\r\n"))) <= MAX_LINE - 2
    (reply,) = read(octets)
    assert reply.code == code


@given(st.binary(max_size=50))
def test_any_line_is_a_reply_or_a_value_error(line):
    parser = ReplyParser()
    try:
        reply = parser.feed(line)
    except ValueError:
        return
    assert reply is None or reply.code == int(line[:3])


def test_the_last_code_there_is():
    assert Reply(599, None, "").code == 599


ROOM = 512 - len("250 \r\n")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a" * ROOM + " b", ["a" * ROOM, "b"]),
        ("a" * (ROOM - 1) + " bb", ["a" * (ROOM - 1), "bb"]),
        ("a" * (ROOM + 1) + " b", ["a" * ROOM, "a b"]),
        ("a " + "b" * ROOM, ["a", "b" * ROOM]),
        ("aa " + "b" * ROOM, ["aa", "b" * ROOM]),
        (" " + "b" * ROOM, [" " + "b" * (ROOM - 1), "b"]),
        ("a b " + "c" * ROOM, ["a b", "c" * ROOM]),
        ("€" * 200, ["€" * 168, "€" * 32]),
    ],
)
def test_where_a_line_is_folded(text, pieces):
    assert [line[4:] for line in Reply(250, None, text).encode().decode().splitlines()] == pieces


def test_what_it_looks_like():
    reply = Reply(250, (2, 1, 5), "one", "two", "three")
    assert str(reply) == "250-2.1.5 one\n250-2.1.5 two\n250 2.1.5 three"
    assert repr(reply) == "Reply(250, (2, 1, 5), 'one', 'two', 'three')"
    assert str(Reply(354, None, "go")) == "354 go"


def test_equal_ones_are_one_in_a_set():
    assert len({Reply(250, None, "ok"), Reply(250, None, "ok"), Reply(251, None, "ok")}) == 2
    assert len({hash(Reply(code, None)) for code in range(250, 260)}) > 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda reply: pickle.loads(pickle.dumps(reply))])
@pytest.mark.parametrize("reply", [Reply(354, None, "Go on"), Reply(550, (5, 1, 1), "Nobody", "is called so")])
def test_copied_and_pickled(reply, copied):
    another = copied(reply)
    assert another is not reply
    assert another == reply
    assert another.encode() == reply.encode()
