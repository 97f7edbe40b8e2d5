"""Credentials that somebody repeats are found again, and what is none is left alone."""

from __future__ import annotations

import base64

import pytest

from txsmtpx.dialog.secrets import Secrets


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


LINES = {
    "PLAIN": [b64("\0alice\0open sesame")],
    "LOGIN": [b64("alice"), b64("sesame")],
    "XOAUTH2": [b64("user=alice\1auth=Bearer sesame\1\1")],
    "SCRAM": [b64("n,,n=alice,r=nonce"), b64("c=biws,r=noncenonce,p=sesame")],
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
    secrets.add(b64("\0me\0pw"))
    assert secrets.within("no me")
    assert secrets.within("(PW)")
    assert not secrets.within("Username")


def test_nothing_is_in_everything():
    assert not Secrets().within("anything at all")
    secrets = Secrets()
    secrets.add(b"")
    secrets.add(b"=")
    assert not secrets.within("anything at all")


@pytest.mark.parametrize("line", [b"a " * 21, b64(" ".join(map(str, range(21)))), b64("a,b\0" * 20)])
def test_of_too_many_everything_is_one(line):
    secrets = Secrets()
    secrets.add(line)
    assert secrets.within("anything at all")
