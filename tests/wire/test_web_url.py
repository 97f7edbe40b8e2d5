"""URLs of web servers: what is read of one, and what is wrong with others."""

from __future__ import annotations

import re

import pytest

from txsmtpx.wire.web_url import WebURL


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://app.example.org", WebURL("http://app.example.org", "app.example.org", 80, False)),
        ("https://app.example.org/a?b=c", WebURL("https://app.example.org/a?b=c", "app.example.org", 443, True)),
        ("HTTP://App.example.org:8080/", WebURL("http://App.example.org:8080/", "app.example.org", 8080, False)),
        ("http://[::1]:8080/", WebURL("http://[::1]:8080/", "::1", 8080, False)),
        ("http://a:b@127.0.0.1/", WebURL("http://127.0.0.1/", "127.0.0.1", 80, False, "Basic YTpi")),
        ("http://a@127.0.0.1/", WebURL("http://127.0.0.1/", "127.0.0.1", 80, False, "Basic YTo=")),
        ("http://a%40b:%3A%2f@h/", WebURL("http://h/", "h", 80, False, "Basic YUBiOjov")),
    ],
)
def test_a_url(text, url):
    assert WebURL.parsed(text) == url


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is no URL of a web server: write http://HOST/PATH or https://..."),
        (
            "app.example.org/mail",
            "'app.example.org/mail' is no URL of a web server: write http://HOST/PATH or https://...",
        ),
        ("unix:/run/app.sock", "'unix:/run/app.sock' is no URL of a web server: write http://HOST/PATH or https://..."),
        ("ws://h/", "'ws://h/' is no URL of a web server: write http://HOST/PATH or https://..."),
        ("http:///mail", "'http:///mail' is no URL of a web server: write http://HOST/PATH or https://..."),
        ("http://a b/", "'http://a b/' has characters that a URL cannot have: write them as %XX"),
        ("http://h/ü", "'http://h/ü' has characters that a URL cannot have: write them as %XX"),
        ("http://h/\r\n", r"'http://h/\r\n' has characters that a URL cannot have: write them as %XX"),
        ("http://u:p@h:port/", "'http://***@h:port/' has no host and port that can be used"),
        ("http://u:p@h:0/", "'http://***@h:0/' has no host and port that can be used"),
        ("http://u:p@h:70000/", "'http://***@h:70000/' has no host and port that can be used"),
        ("http://u:p@[::1/", "'http://***@[::1/' has no host and port that can be used"),
        ("http://u:p@a..b/", "'http://***@a..b/' has no host that can be used"),
        ("http://u:p@-/", "'http://***@-/' has no host that can be used"),
        ("http://h/#top", "'http://h/#top' has a fragment (#), which no web server gets"),
    ],
)
def test_what_cannot_be_used(text, error):
    with pytest.raises(ValueError, match=f"^{re.escape(error)}$"):
        WebURL.parsed(text)


def test_a_login_is_not_shown():
    url = WebURL.parsed("http://ann:secret@h/mail?token=secret")
    assert (repr(url), url.shown) == ("WebURL('http://h/mail')", "http://h/mail")
