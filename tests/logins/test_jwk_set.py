"""A set of keys: those that check signatures, and what is no set."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from tests.logins.issuer import ED, KEY, OTHER, RSA, jwks
from txsmtpx.logins.jwk_set import MAX_KEYS, read_keys

SMALL = {"kty": "RSA", "n": "AQAB" * 42, "e": "AQAB"}


def test_each_kind_of_key():
    assert [each.kid for each in read_keys(jwks(KEY, OTHER, RSA, ED))] == ["one", "two", "rsa", "ed"]


@pytest.mark.parametrize("ignored", [
    OctKey.generate_key(256).as_dict(), {**KEY.as_dict(private=False), "use": "enc"}, {"kty": "AKP"}, {}, None, 5, [],
    "RSA", {"kty": ["RSA"]}, {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"}, {"kty": "EC"}, SMALL,
    {"kty": "EC", "crv": "P-0", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": 5},
    {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
])  # fmt: skip
def test_a_key_that_cannot_be_used_is_ignored(ignored):
    """RFC 7517 §5."""
    octets = json.dumps({"keys": [ignored, KEY.as_dict(private=False)]}).encode()
    assert [each.kid for each in read_keys(octets)] == ["one"]
    with pytest.raises(ValueError, match=r"^the set has no public key for signatures$"):
        read_keys(json.dumps({"keys": [ignored]}).encode())


@pytest.mark.parametrize("octets", [
    b"", b"[]", b"{}", b'{"keys": {}}', b"\xff", b"[" * 100_000, b'{"keys": 5}', b"null", b"<html>",
])  # fmt: skip
def test_what_is_no_set(octets):
    with pytest.raises(ValueError, match=r"^this is no set of keys \(RFC 7517\)$"):
        read_keys(octets)


def test_so_many_keys_at_most():
    key = KEY.as_dict(private=False)
    assert len(read_keys(json.dumps({"keys": [key] * MAX_KEYS}).encode())) == MAX_KEYS
    with pytest.raises(ValueError, match=f"at most {MAX_KEYS}, and this one {MAX_KEYS + 1}"):
        read_keys(json.dumps({"keys": [key] * (MAX_KEYS + 1)}).encode())


MEMBERS = st.sampled_from([*KEY.as_dict(), "use", "key_ops", "alg"])


@given(st.dictionaries(MEMBERS, st.text() | st.integers() | st.lists(st.text())))
def test_any_key_is_read_or_ignored(found):
    """Guarantee 20."""
    with pytest.raises(ValueError, match="no public key"):
        read_keys(json.dumps({"keys": [found]}).encode())
