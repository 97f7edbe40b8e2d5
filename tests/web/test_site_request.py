"""Requests to the inbox: the headers of each response, and bodies."""

from __future__ import annotations

import pytest

from tests.inbox.site import Line
from txsmtpx.web.content_security_policy import SECURITY_HEADERS
from txsmtpx.web.site_request import MAX_BODY, body_of, has_body, hold
from txsmtpx.web.web_errors import Busy
from txsmtpx.web.web_resource import WebResource

PATHS = ["/", "/messages", "/messages/1", "/messages/1/frame", "/messages/9", "/messages/1/nothing", "/nothing", "/api",
         "/api/", "/api/messages", "/api/messages?limit=x", "/api/messages/1", "/api/messages/x",
         "/api/messages/1/source", "/api/messages/1/parts/1", "/api/messages/1/parts/9", "/static/site.css",
         "/static/", "/static/../site.py", "/%2e%2e/%2e%2e/etc/passwd", "/?limit=x", "//", "/%00", "/%ff"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_every_answer_says_what_a_browser_may_do(web, method, path):
    web.keep(b"Content-Type: text/html\r\n\r\n<p>x")
    said = web.ask(method, path)
    for name, value in SECURITY_HEADERS.items():
        if name != "Content-Security-Policy":
            assert said.headers[name] == value
    (policy,) = said.headers.get_all("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "Access-Control-Allow-Origin" not in said.headers


def test_a_body_is_thrown_away(web):
    line = Line(web.site, "POST", "/?delete=all", {"Content-Length": "1000000"}, b"x" * 1_000_000)
    assert line.answer.status == 303
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "10"}
    assert Line(web.site, "POST", "/", form, b"delete=all").answer.status == 400


@pytest.mark.parametrize("headers", [{"Content-Length": "2"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("path", ["/api/messages", "/api/messages/1"])
def test_a_body_deletes_nothing(web, headers, path):
    """It may say what is to be deleted, as elsewhere."""
    web.keep(b"")
    body = b"{}" if "Content-Length" in headers else b"2\r\n{}\r\n0\r\n\r\n"
    assert Line(web.site, "DELETE", path, headers, body).answer.status == 400
    assert len(web.backend.messages) == 1
    assert Line(web.site, "DELETE", path, {"Content-Length": "0"}).answer.status == 204


@pytest.mark.parametrize(("headers", "expected"), [
    ({}, False), ({"Content-Length": "0"}, False), ({"Content-Length": "000"}, False), ({"Content-Length": "1"}, True),
    ({"Transfer-Encoding": "chunked"}, True), ({"Content-Length": "5"}, True),
])  # fmt: skip
def test_whether_a_client_sends_a_body(web, monkeypatch, headers, expected):
    found = []
    monkeypatch.setattr(WebResource, "render", lambda self, request: found.append(has_body(request)) or b"")
    body = {"1": b"x", "5": b"xxxxx"}.get(headers.get("Content-Length", ""), b"")
    body = b"0\r\n\r\n" if "Transfer-Encoding" in headers else body
    assert Line(web.site, "POST", "/api/messages", headers, body).answer.status == 200
    assert found == [expected]


def test_what_all_responses_may_hold_together_is_limited(web, monkeypatch):
    held = []

    def render(self, request):
        hold(request, 1000)
        held.append(request)
        with pytest.raises(Busy):
            hold(request, 10**12)
        return b"done"

    monkeypatch.setattr(WebResource, "render", render)
    monkeypatch.setattr(web.site.connections, "hold", lambda channel, octets: octets < 10**9)
    assert web.get("/api/messages").body == b"done"
    assert len(held) == 1


def test_a_body_is_kept_up_to_a_limit(web, monkeypatch):
    found = []
    monkeypatch.setattr(WebResource, "render", lambda self, request: found.append(body_of(request)) or b"")
    for octets in (0, 1, MAX_BODY, MAX_BODY + 1, 3 * MAX_BODY):
        Line(web.site, "POST", "/api/messages", {"Content-Length": str(octets)}, b"x" * octets)
    assert [None if each is None else len(each) for each in found] == [0, 1, MAX_BODY, None, None]
