"""The response to a request that fails: JSON for the API, text for people."""

from __future__ import annotations

import json

import pytest
from twisted.web.test.requesthelper import DummyRequest

from txsmtpx.web.web_errors import BadRequest, NotFound, error_body


def response(path: bytes, code: int, text: str) -> tuple[DummyRequest, bytes]:
    request = DummyRequest([])
    request.path = path
    return request, error_body(request, code, text)


@pytest.mark.parametrize("path", [b"/api", b"/api/", b"/api/messages/1"])
@pytest.mark.parametrize("text", ["There is nothing at this path.", 'é "quoted" \ud800', "<b>"])
def test_the_api_has_json(path, text):
    request, body = response(path, 404, text)
    assert request.responseCode == 404
    assert request.responseHeaders.getRawHeaders("Content-Type") == ["application/json"]
    assert body.isascii()
    assert json.loads(body) == {"error": text}


@pytest.mark.parametrize("path", [b"/", b"/messages/1", b"/static/api"])
def test_pages_have_a_line_of_text(path):
    request, body = response(path, 400, "é \ud800")
    assert request.responseCode == 400
    assert request.responseHeaders.getRawHeaders("Content-Type") == ["text/plain; charset=utf-8"]
    assert body == "é ?\n".encode()


def test_a_bad_request_is_an_error_of_a_value():
    assert issubclass(BadRequest, ValueError)


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing"])
def test_no_error_says_what_python_says(web, path):
    said = web.get(path)
    assert said.status == 404
    assert "There is nothing at this path." in said.text


def test_an_error_names_what_is_not_there():
    assert str(NotFound("There is no such thing.")) == "There is no such thing."
