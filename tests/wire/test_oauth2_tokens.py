"""The answers of an issuer: what is a token, and what is not."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsmtpx.wire.oauth2_tokens import OAuth2Tokens, json_object

GOOD = {"access_token": "abc.def-1", "token_type": "Bearer", "expires_in": 3600}


def after(answer: object, refresh_token: str | None = None) -> OAuth2Tokens:
    octets = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return OAuth2Tokens(refresh_token=refresh_token).after(octets, 1000.0)


@pytest.mark.parametrize(("seconds", "expires"), [
    (3600, 4600), ("3600", 4600), (0.5, 1000.5), (0, 1000), (-5, 1000), (None, math.inf), ("soon", math.inf),
    ([], math.inf), (10**400, math.inf), (math.inf, math.inf), (math.nan, math.inf), (True, 1001),
])  # fmt: skip
def test_the_lifetime(seconds, expires):
    assert after(GOOD | {"expires_in": seconds}).expires == expires


def test_without_a_lifetime():
    assert after({"access_token": "a", "token_type": "bearer"}) == OAuth2Tokens("a", math.inf)


def test_the_refresh_token_is_kept_or_replaced():
    assert after(GOOD, "old").refresh_token == "old"
    assert after(GOOD | {"refresh_token": "new"}, "old").refresh_token == "new"


@pytest.mark.parametrize("rotated", ["", "a b", "a\r\nb", 5, None, ["new"]])
def test_a_refresh_token_that_is_none_replaces_none(rotated):
    assert after(GOOD | {"refresh_token": rotated}, "old").refresh_token == "old"


def test_a_client_without_a_refresh_token_gets_none():
    assert after(GOOD | {"refresh_token": "new"}).refresh_token is None


@pytest.mark.parametrize("token", ["", "a b", "a\x01b", "a\r\nQUIT", "ä", "a\x00", 5, None, ["a"], {"a": 1}, True])
def test_no_access_token(token):
    """Nothing in it can end the response of AUTH."""
    with pytest.raises(ValueError, match=r"^the answer has no access_token that can be used$"):
        after(GOOD | {"access_token": token})


@pytest.mark.parametrize("kind", ["mac", "", None, 5, "DPoP"])
def test_another_type(kind):
    with pytest.raises(ValueError, match="token_type other than Bearer"):
        after(GOOD | {"token_type": kind})


@pytest.mark.parametrize("octets", [
    b"", b"<html>", b"[]", b"null", b'"a"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"expires_in": ' + b"9" * 5000 + b"}",
])  # fmt: skip
def test_no_object(octets):
    with pytest.raises(ValueError, match=r"^the answer is no JSON object$"):
        after(octets)


@given(st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_anything_is_a_value_error_or_an_object(octets):
    with contextlib.suppress(ValueError):
        assert isinstance(json_object(octets), dict)


def test_no_secret_is_shown():
    assert "abc" not in repr(after(GOOD, "the-refresh-token"))
    assert "refresh" not in repr(after(GOOD, "the-refresh-token"))
