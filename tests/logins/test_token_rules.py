"""What a token must say."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.logins.issuer import AUDIENCE, ISSUER, NOW, claims
from txsmtpx.logins.token_rules import MAX_NAME, TokenRefused, TokenRules

RULES = TokenRules(ISSUER, AUDIENCE, "", "sub", 60, lambda: NOW)


def user(wanted: bytes = b"", rules: TokenRules = RULES, needs_expiry: bool = True, **other: object) -> bytes:
    return rules.user(claims(**other), wanted, needs_expiry)


@pytest.mark.parametrize("other", [
    {}, {"aud": ["x", AUDIENCE]}, {"exp": NOW - 59}, {"nbf": NOW + 60}, {"iat": NOW + 60.0}, {"iat": None, "nbf": None},
])  # fmt: skip
def test_a_good_one(other):
    assert user(**other) == b"alice"


@pytest.mark.parametrize(("other", "why"), [
    ({"exp": NOW - 60}, "expired"), ({"exp": NOW - 1e9}, "expired"), ({"exp": None}, "no time at which it expires"),
    ({"exp": "soon"}, "no number"), ({"exp": True}, "no number"), ({"exp": float("nan")}, "no number"),
    ({"exp": float("inf")}, "no number"), ({"exp": 10**400}, "no number"), ({"exp": [NOW]}, "no number"),
    ({"nbf": NOW + 61}, "future"), ({"iat": NOW + 61}, "future"), ({"nbf": {}}, "no number"),
    ({"iss": "https://other.example"}, "another issuer"), ({"iss": None}, "another issuer"),
    ({"iss": [ISSUER]}, "another issuer"), ({"iss": ISSUER + "/"}, "another issuer"),
    ({"aud": "other"}, "another audience"), ({"aud": None}, "another audience"), ({"aud": []}, "another audience"),
    ({"aud": {AUDIENCE: 1}}, "another audience"), ({"aud": "mail other"}, "another audience"),
    ({"cnf": {"jkt": "x"}}, "bound to a key"), ({"sub": None}, "no user name"), ({"sub": ""}, "no user name"),
    ({"sub": 5}, "no user name"), ({"sub": ["alice"]}, "no user name"), ({"sub": "a\r\nb"}, "no user name"),
    ({"sub": "a\ud800"}, "no user name"), ({"sub": "a" * (MAX_NAME + 1)}, "no user name"),
])  # fmt: skip
def test_a_bad_one(other, why):
    with pytest.raises(TokenRefused, match=why):
        user(**other)


@pytest.mark.parametrize(("wanted", "name", "right"), [
    ("alice", "alice", True), ("Alice", "alice", False), ("bob", "alice", False), ("alice", "alice@b.test", False),
    ("Alice@B.test", "alice@b.test", True), ("alice@b.test", "alice@c.test", False), ("jürgen", "jürgen", True),
])  # fmt: skip
def test_the_user_that_the_client_names(wanted, name, right):
    if right:
        assert user(wanted.encode(), sub=name) == name.encode()
    else:
        with pytest.raises(TokenRefused, match="another user"):
            user(wanted.encode(), sub=name)


@pytest.mark.parametrize(("other", "right"), [
    ({"scope": "mail smtp other"}, True), ({"scope": ["smtp", "mail"]}, True), ({"scp": "smtp mail"}, True),
    ({"scope": "smtp"}, False), ({}, False), ({"scope": "smtpmail"}, False), ({"scope": {"smtp": 1}}, False),
])  # fmt: skip
def test_scopes(other, right):
    rules = TokenRules(ISSUER, AUDIENCE, "mail smtp", "sub", 60, lambda: NOW)
    if right:
        assert user(rules=rules, **other) == b"alice"
    else:
        with pytest.raises(TokenRefused, match="lacks a scope of mail smtp"):
            user(rules=rules, **other)


def test_another_claim_is_the_name():
    rules = TokenRules(ISSUER, AUDIENCE, "", "email", 0, lambda: NOW)
    assert user(rules=rules, email="alice@b.test") == b"alice@b.test"


def test_what_is_not_asked_for_may_be_missing():
    rules = TokenRules("", "", "", "sub", 0, lambda: NOW)
    assert user(rules=rules, needs_expiry=False, iss=None, aud=None, exp=None) == b"alice"
    with pytest.raises(TokenRefused, match="expired"):
        user(rules=rules, needs_expiry=False, exp=NOW)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "scope", "scp", "cnf"]), JSON))
def test_anything_is_a_name_or_refused(found):
    """Guarantee 20."""
    with contextlib.suppress(TokenRefused):
        assert TokenRules("", "", "", "sub", 60, lambda: NOW).user(found, b"", False)
