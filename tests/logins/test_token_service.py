"""A service that knows about tokens: its URL, and its answers."""

from __future__ import annotations

import pytest

from txsmtpx.logins.token_service import TokenServiceError, json_object, service_url


@pytest.mark.parametrize("text", [
    "https://login.example.org/keys", "http://localhost:8080/", "http://127.0.0.1/", "http://[::1]:8080/x",
])  # fmt: skip
def test_urls(text):
    assert service_url(text).text == text


@pytest.mark.parametrize("text", ["http://login.example.org/", "http://192.0.2.1/", "http://localhost.example.org/"])
def test_another_host_needs_tls(text):
    with pytest.raises(ValueError, match="must begin with https, since it is not on this host"):
        service_url(text)


def test_no_secret_is_in_an_error():
    """Guarantee 7."""
    with pytest.raises(ValueError, match="https") as caught:
        service_url("http://ann:secret@login.example.org/?key=secret")
    assert "secret" not in str(caught.value)


def test_answers():
    assert json_object(b'{"active": true}') == {"active": True}
    for octets in (b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"<html>"):
        with pytest.raises(TokenServiceError, match=r"^its answer is no JSON object$"):
            json_object(octets)
