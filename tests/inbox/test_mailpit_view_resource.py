"""The texts of a message for helpers of Mailpit."""

from __future__ import annotations

import pytest

from tests.content.hostile import mixed
from tests.inbox.site import Web
from txsmtpx.web.content_security_policy import DATA_POLICY

HTML = "<p>Grüße</p><script>alert(1)</script>"


@pytest.fixture
def viewed(both):
    both.keep(mixed(b"\r\nHey", f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML}".encode()))
    both.keep(b"Subject: two\r\n\r\nplain\r\n")
    return both


def test_html_is_as_it_was_received_and_no_page(viewed):
    answer = viewed.get("/view/1.html")
    assert (answer.status, answer.text) == (200, HTML)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == DATA_POLICY
    assert [each["Read"] for each in viewed.json("/api/v1/messages")["messages"]] == [False, True]


def test_text(viewed):
    assert (viewed.get("/view/1.txt").text, viewed.get("/view/latest.txt").text) == ("Hey", "plain\n")
    assert viewed.get("/view/latest.html?query=subject:mixed").text == HTML


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("2.html", "This message has no HTML.\n"),
        ("9.html", "There is no such message.\n"),
        ("x.txt", "There is no such message.\n"),
        ("1", "There is nothing at this path.\n"),
        ("", "There is nothing at this path.\n"),
        ("1.html/x", "There is nothing at this path.\n"),
        ("1.pdf", "There is nothing at this path.\n"),
    ],
)
def test_what_is_not_there(viewed, path, error):
    answer = viewed.get(f"/view/{path}")
    assert (answer.status, answer.text) == (404, error)


def test_only_get(viewed):
    assert viewed.ask("DELETE", "/view/1.html").headers["Allow"] == "GET, HEAD"
    assert viewed.get("/view/1.html", Sec_Fetch_Site="cross-site").status == 403


def test_the_path_of_the_inbox():
    web = Web(path="/mail")
    web.keep(b"\r\nHey")
    assert web.get("/mail/view/1.txt").text == "Hey"
    web.stop()
