"""When two addresses are one mailbox: form C, case in ASCII, domains as A-labels; and when they are two."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.grammar import path
from txsmtpx.grammar.mailbox import local_key, mailbox_key

ONE = [
    ("a@example.org", "A@EXAMPLE.ORG"),
    ("caf\u00e9@example.org", "cafe\u0301@example.org"),
    ("caf\u00e9@example.org", "CAFe\u0301@example.org"),
    ("\u00c4@example.org", "A\u0308@example.org"),
    ("J\u030c@example.org", "\u01f0@example.org"),
    ("\u212b@example.org", "\u00c5@example.org"),
    ("a@b\u00fccher.example", "a@xn--bcher-kva.example"),
    ("a@B\u00dcCHER.example", "A@XN--BCHER-KVA.example"),
    ('"a"@example.org', "a@example.org"),
    ('"A\\b"@example.org', "ab@example.org"),
    ('"A b"@example.org', '"a B"@example.org'),
    ("a@[IPv6:::ffff:192.0.2.1]", "a@[192.0.2.1]"),
    ("a@[IPv6:2001:db8:0::1]", "A@[ipv6:2001:DB8::1]"),
    ("Postmaster", "POSTMASTER"),
    ("a@example.org.", "a@example.org"),
    ("a@ex\u3002Ample.org", "A@ex\u3002ample.org"),  # no domain, so in ASCII
    ("", ""),
]

TWO = [
    ("mark@example.org", "mar\u212a@example.org"),
    ("MARK@example.org", "MAR\u212a@example.org"),
    ('"a;b"@example.org', "a\u037eb@example.org"),
    ("a`b@example.org", "a\u1fefb@example.org"),
    ("mi\u017fs@example.org", "miss@example.org"),
    ("\u0130@example.org", "i@example.org"),
    ("\u0130@example.org", "i\u0307@example.org"),
    ("\u0131@example.org", "I@example.org"),
    ("\u00e5@example.org", "\u212b@example.org"),
    ("\u00df@example.org", "ss@example.org"),
    ("\u1e9e@example.org", "\u00df@example.org"),
    ("\u03c3@example.org", "\u03c2@example.org"),
    ("\u03a3@example.org", "\u03c3@example.org"),
    ("\ufb01x@example.org", "fix@example.org"),
    ("\uff41@example.org", "a@example.org"),
    ("\u0661@example.org", "1@example.org"),
    ("a\u200db@example.org", "ab@example.org"),
    ("a\u00adb@example.org", "ab@example.org"),
    ('"a\u00a0b"@example.org', '"a b"@example.org'),
    ("a@stra\u00dfe.example", "a@strasse.example"),
    ('"a b"@example.org', '"a  b"@example.org'),
    ('"a@b.example"@example.org', "a@b.example"),
    ("a@[1.2.3.4]", "a@1.2.3.4"),
    ("Postmaster", "postmaster@example.org"),
]


@pytest.mark.parametrize(("one", "other"), ONE, ids=ascii)
def test_one_mailbox(one, other):
    assert mailbox_key(one) == mailbox_key(other)


@pytest.mark.parametrize(("one", "other"), TWO, ids=ascii)
def test_two_mailboxes(one, other):
    assert mailbox_key(one) != mailbox_key(other)


def test_what_is_no_domain_is_compared_in_ascii():
    assert mailbox_key("A@ex\u3002AMPLE.\u212a") == "a@ex\u3002ample.\u212a"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_key_is_its_own(characters):
    key = local_key(characters)
    assert local_key(key) == key
    assert key == key.translate({code: code + 32 for code in range(65, 91)})
    address = f"{path.quote(characters)}@example.org"
    assert mailbox_key(mailbox_key(address)) == mailbox_key(address)


@given(st.text(st.characters(exclude_characters="\u037e\u1fef\u212a", exclude_categories=["Cs"]), max_size=20))
def test_what_is_canonically_equivalent_is_one(characters):
    assert local_key(unicodedata.normalize("NFD", characters)) == local_key(characters)
    assert local_key(unicodedata.normalize("NFC", characters)) == local_key(characters)


def test_a_character_beyond_ascii_never_becomes_ascii():
    beyond = [chr(code) for code in range(0x80, sys.maxunicode + 1)]
    assert [letter for letter in beyond if any(map(str.isascii, local_key(letter)))] == []
