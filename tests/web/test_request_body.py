"""JSON in the body of a request: what is read, and what is rejected."""

from __future__ import annotations

import json

import pytest

from tests.inbox.site import Line
from txsmtpx.web.request_body import JsonBody
from txsmtpx.web.site_request import MAX_BODY
from txsmtpx.web.web_errors import BadRequest
from txsmtpx.web.web_resource import WebResource

JSON = {"Content-Type": "application/json"}
KNOWN = ("IDs", "Read", "Search")


@pytest.fixture
def bodies(web, monkeypatch):
    """What the site reads of each request."""
    found = []

    def render(self, request):
        found.append(JsonBody(request, KNOWN))
        return b"done"

    monkeypatch.setattr(WebResource, "render", render)
    return found


def send(web, body, headers=None, method="PUT"):
    fields = {"Content-Length": str(len(body))} | (JSON if headers is None else headers)
    return Line(web.site, method, "/api/messages", fields, body)


def rejected(web, monkeypatch, body, headers=None):
    """The error of a body."""
    errors = []

    def render(self, request):
        with pytest.raises(BadRequest) as error:
            JsonBody(request, KNOWN)
        errors.append((error.value.code, str(error.value)))
        return b"done"

    monkeypatch.setattr(WebResource, "render", render)
    send(web, body, headers)
    return errors[0]


def test_fields_are_read(web, bodies):
    send(web, json.dumps({"ids": ["1", "2"], "Read": True, "Search": "Grüße"}).encode())
    (body,) = bodies
    assert (body.texts("IDs"), body.flag("Read"), body.text("Search")) == (["1", "2"], True, "Grüße")


@pytest.mark.parametrize("body", [b"", b"{}", b' {"IDs": null, "Read": null} '])
def test_fields_that_are_absent(web, bodies, body):
    send(web, body)
    (found,) = bodies
    assert (found.texts("IDs"), found.flag("Read"), found.text("Search")) == ([], False, "")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=UTF-8", ""]
)
def test_the_type_is_json_or_absent(web, bodies, content_type):
    send(web, b'{"Read": true}', {"Content-Type": content_type})
    assert bodies[0].flag("Read")


def test_a_body_in_chunks(web, bodies):
    body = b'9\r\n{"Read": \r\n5\r\ntrue}\r\n0\r\n\r\n'
    Line(web.site, "PUT", "/api/messages", JSON | {"Transfer-Encoding": "chunked"}, body)
    assert bodies[0].flag("Read")


def test_a_body_in_pieces(web, bodies):
    line = send(web, b"", JSON | {"Content-Length": "14"})
    for octet in b'{"Read": true}':
        assert bodies == []
        line.protocol.dataReceived(bytes([octet]))
    assert line.answer.body == b"done"
    assert bodies[0].flag("Read")


def test_the_longest_body(web, bodies):
    send(web, b'{"Search": "%b"}' % (b"x" * (MAX_BODY - 14)))
    assert len(bodies[0].text("Search")) == MAX_BODY - 14


@pytest.mark.parametrize("octets", [MAX_BODY + 1, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_longer_body_is_rejected(web, monkeypatch, octets, chunked):
    body, headers = b'{"Search": "%b"}' % (b"x" * (octets - 14)), JSON
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        headers = JSON | {"Transfer-Encoding": "chunked", "Content-Length": ""}
    code, text = rejected(web, monkeypatch, body, headers)
    assert (code, text) == (413, "the body of a request may have 65536 octets")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "text/json", "x"])
def test_another_type_is_rejected(web, monkeypatch, content_type):
    """As of a form of a page of another site."""
    code, text = rejected(web, monkeypatch, b'{"Read": true}', {"Content-Type": content_type})
    assert (code, text) == (415, f"the body needs the Content-Type application/json, not '{content_type}'")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "the body is no JSON; this is a body: {}"),
        (b"x=1", "the body is no JSON; this is a body: {}"),
        (b"\xff\xfe{\0}\0", "the body is no JSON; this is a body: {}"),
        (b'{"Read": NaN}', "the body is no JSON; this is a body: {}"),
        (b'{"Read": %b}' % (b"9" * 5000), "the body is no JSON; this is a body: {}"),
        (b'{"a":' * 12_000, "the body is no JSON; this is a body: {}"),
        (b"[" * 60_000, "the body is no JSON; this is a body: {}"),
        (b"[]", "the body needs to be an object of JSON, such as {}"),
        (b"null", "the body needs to be an object of JSON, such as {}"),
        (b'{"id": ["1"]}', "id: unknown field; known here: IDs, Read, Search"),
        (b'{"IDs": [], "ids": []}', "IDs: this field is given twice"),
    ],
)
def test_what_is_no_json_is_rejected(web, monkeypatch, body, text):
    assert rejected(web, monkeypatch, body) == (400, text)


NO_NUMBER = "Search: this field needs a whole number from 0 to 9"


@pytest.mark.parametrize(
    ("body", "read", "text"),
    [
        ({"IDs": "1"}, lambda body: body.texts("IDs"), "IDs: this field needs a list of strings"),
        ({"IDs": [1]}, lambda body: body.texts("IDs"), "IDs: this field needs a list of strings"),
        ({"Read": "true"}, lambda body: body.flag("Read"), "Read: this field needs true or false"),
        ({"Search": 5}, lambda body: body.text("Search"), "Search: this field needs a string"),
        ({"Search": 5.5}, lambda body: body.number("Search", 0, 9), NO_NUMBER),
        ({"Search": True}, lambda body: body.number("Search", 0, 9), NO_NUMBER),
        ({"Search": 10}, lambda body: body.number("Search", 0, 9), NO_NUMBER),
        ({"Search": []}, lambda body: body.inner("Search", ()), "Search: this field needs an object"),
        ({"Search": {"x": 1}}, lambda body: body.inner("Search", ("y",)), "x: unknown field; known here: y"),
    ],
)
def test_a_field_of_another_type_is_rejected(web, bodies, body, read, text):
    send(web, json.dumps(body).encode())
    with pytest.raises(BadRequest) as error:
        read(bodies[0])
    assert str(error.value) == text


def test_numbers_and_objects(web, bodies):
    send(web, b'{"Search": {"code": 451}}')
    inner = bodies[0].inner("Search", ("Code",))
    assert (inner.number("Code", 0, 599), inner.number("Code", 7, 599)) == (451, 451)
    assert bodies[0].inner("IDs", ("Code",)).number("Code", 7, 599) == 7


def test_no_memory_is_kept_of_a_body_that_is_too_long(web, monkeypatch):
    sizes = []

    def render(self, request):
        sizes.append(len(request.content.getvalue()))
        return b"done"

    monkeypatch.setattr(WebResource, "render", render)
    send(web, b"x" * 1_000_000)
    assert sizes == [0]
