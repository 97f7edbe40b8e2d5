"""Paths and origins in options."""

from __future__ import annotations

import pytest

from txsmtpx.web.web_names import web_origin, web_path


@pytest.mark.parametrize("text", ["/mail", "/mail/", "/a/b-c_d.e~f", "/"])
def test_paths(text):
    assert web_path(text) == text.rstrip("/")


@pytest.mark.parametrize(
    "text", ["", "mail", "//", "//evil.example", "/a//b", "/a b", "/%41", "/a/../b", "/.", "/\u00fc", "/a?b"]
)
def test_what_is_no_path(text):
    with pytest.raises(ValueError, match="must be a path of letters, digits and"):
        web_path(text)


@pytest.mark.parametrize("text", ["https://app.example.org", "HTTP://localhost:3000", "https://[::1]:8443"])
def test_origins(text):
    assert web_origin(text) == text.lower()


@pytest.mark.parametrize(
    "text", ["", "*", "null", "app.example.org", "https://a/", "ftp://a", "https://a b", "https://\u00fc"]
)
def test_what_is_no_origin(text):
    with pytest.raises(ValueError, match=r"must be an origin, such as https://app\.example\.org, not"):
        web_origin(text)


@pytest.mark.parametrize(("text", "sent"), [
    ("https://App.example.org:443", "https://app.example.org"), ("http://[::1]:80", "http://[::1]"),
    ("http://a:443", "http://a:443"),
])  # fmt: skip
def test_browsers_leave_the_default_port_out(text, sent):
    assert web_origin(text) == sent


def test_a_path_is_to_be_left_out():
    with pytest.raises(ValueError, match=r"not 'https://a:1/b'; write https://a:1$"):
        web_origin("https://a:1/b")
