"""Credentials that somebody repeats are found again, and what is none is left alone."""

from __future__ import annotations

import base64

import pytest

from tests.encoding import b64
from txsmtpx.dialog.secrets import Secrets
from txsmtpx.grammar.reply import Reply

LINES = {
    "PLAIN": [b64("\0alice\0open sesame").encode()],
    "LOGIN": [b64("alice").encode(), b64("sesame").encode()],
    "XOAUTH2": [b64("user=alice\1auth=Bearer sesame\1\1").encode()],
    "SCRAM": [b64("n,,n=alice,r=nonce").encode(), b64("c=biws,r=noncenonce,p=sesame").encode()],
    "no base64": [b"sesame?"],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_what_repeats_them(lines):
    secrets = Secrets()
    for line in lines:
        secrets.add(line)
    for text in ["no sesame", "SESAME?", "x sesame.", lines[0].decode(), f"500 {lines[-1].decode()[:10]} what"]:
        assert secrets.within(text), text
    for text in ["", "Authentication credentials invalid", "5.7.8 Username and Password not accepted", "sesa"]:
        assert not secrets.within(text), text


def test_a_short_one_is_a_word():
    secrets = Secrets()
    secrets.add(b64("\0me\0pw").encode())
    assert secrets.within("no me")
    assert secrets.within("(PW)")
    assert not secrets.within("Username")
    secrets.add(b64("p-w!").encode())
    assert secrets.within("no p-w!")
    assert not secrets.within("xp-w!x")


def test_nothing_is_in_everything():
    assert not Secrets().within("anything at all")
    secrets = Secrets()
    secrets.add(b"")
    secrets.add(b"=")
    assert not secrets.within("anything at all")


@pytest.mark.parametrize("line", [b"a " * 21, b64(" ".join(map(str, range(21)))).encode(), b64("a,b\0" * 20).encode()])
def test_of_too_many_everything_is_one(line):
    secrets = Secrets()
    secrets.add(line)
    assert secrets.within("anything at all")


def test_too_many_stay_too_many():
    secrets = Secrets()
    secrets.add(b"a " * 21)
    secrets.add(b"a")
    assert secrets.within("anything at all")


@pytest.mark.parametrize(
    ("line", "last"),
    [(b" ".join(b"%d!" % n for n in range(20)), "19!"), (b64(" ".join(["again"] * 20)).encode(), "again")],
    ids=["words", "parts of a word"],
)
def test_twenty_are_not_too_many(line, last):
    secrets = Secrets()
    secrets.add(line)
    assert not secrets.within("anything at all")
    assert secrets.within(f"no {last}")


@pytest.mark.parametrize("part", ["p=pw", "a=b=pw", "=pw"])
def test_a_value_is_found_without_its_name(part):
    secrets = Secrets()
    secrets.add(b64(part).encode())
    assert secrets.within("no pw")
    assert not secrets.within("no p")
    assert not secrets.within("no =")


# ---- what a client knows of its own login


def known(*secrets: str) -> Secrets:
    made = Secrets()
    made.add_secrets(secrets)
    return made


def test_a_reply_loses_the_lines_that_repeat_a_secret():
    secrets = known("pw", "")
    assert secrets.reply(Reply(535, (5, 7, 8), "a", "no PW", "b")) == Reply(535, (5, 7, 8), "a", "[credentials]", "b")
    assert secrets.masked(b"535 5.7.8 wrong: pw") == b"535 5.7.8 [credentials]"
    assert secrets.masked(b"535-wrong: pw") == b"535 [credentials]"
    assert secrets.masked(b"pw?") == b"[credentials]"
    assert secrets.masked(b"535 \xff pw") == b"535 [credentials]"
    for line in (b"535 5.7.8 wrong", b"535 powder"):
        assert secrets.masked(line) is line


def test_after_the_login_a_short_secret_is_shown():
    """A reply may hold it by chance."""
    secrets = known("pw", "sevenlt", "eight ch")
    secrets.in_login = False
    assert not secrets.within("Ok, pw")
    assert not secrets.within("Ok, sevenlt")
    assert secrets.within("Ok, eight ch")
    assert secrets.within("Ok, " + b64("eight ch"))


def test_what_is_in_a_response_is_secret_if_the_mechanism_does_not_say_what_is():
    for response in (b"\0alice\0open sesame", b"user=alice\1open sesame\1\1"):
        told, untold = known("open sesame"), Secrets()
        told.add_response(response, known=True)
        untold.add_response(response, known=False)
        for secrets in (told, untold):
            assert secrets.within("no " + b64(response))
            assert secrets.within("no " + b64(response)[4:16])
            assert secrets.within("no open sesame")
        assert not told.within("no alice")
        assert untold.within("no user=alice" if b"=" in response else "no alice")


def test_a_response_of_nothing_is_no_secret():
    secrets = Secrets()
    secrets.add_response(b"", known=False)
    assert not secrets.within("334 = * ok")
    secrets.add_response(b"\xff\xff\xff", known=False)
    assert not secrets.within("334 = * ok")
    assert secrets.within("no ////")


@pytest.mark.parametrize("said", [b"\xff correct horse", b"correct horse \0\xc3"])
def test_a_challenge_is_decoded(said):
    secrets = known("correct horse")
    line = base64.b64encode(said)
    assert secrets.masked(b"334 " + line) == b"334 [credentials]"
    assert secrets.reply(Reply(334, None, line.decode())).text == "[credentials]"
    assert secrets.masked(b"334 !!!") == b"334 !!!"


@pytest.mark.parametrize("cut", ["p.a$s-w", "p.a$s-w!o;", "=p.a$s-w!"])
def test_a_piece_of_a_secret_with_signs(cut):
    assert known("p.a$s-w!o").within(f"no {cut}") is ("=" not in cut)


def test_it_is_compared_as_text_not_as_printed():
    assert known("pässwörter").masked("535 pässwörter".encode()) == b"535 [credentials]"
