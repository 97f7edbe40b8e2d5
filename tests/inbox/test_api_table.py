"""The table of the API: each path of the description answers as described, and each that answers is described."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest

from tests.content.hostile import mixed
from tests.inbox.documented import Documented
from tests.inbox.site import Answer, Line, Web
from txsmtpx.inbox.api_table import SCHEMAS, api_table
from txsmtpx.inbox.faults import Faults
from txsmtpx.inbox.inbox_site import InboxSite

VALUES = {"{id}": "1", "{part}": "1", "{number}": "1", "{name}": "recipient:you@example.net", "{tag}": "a"}
"""The values of paths that exist."""

QUERIES = {
    ("POST", "/chaos"): "?command=MAIL&code=451",
    ("GET", "/v1/search"): "?query=two",
    ("DELETE", "/v1/search"): "?query=two",
    ("GET", "/v2/search"): "?kind=containing&query=two",
}
"""The parameters that are required."""

BODIES = {
    ("PUT", "/v1/messages"): {"IDs": ["1"], "Read": True},
    ("PUT", "/v1/tags"): {"IDs": ["1"], "Tags": ["a", "b"]},
    ("PUT", "/v1/tags/{tag}"): {"Name": "a"},
    ("PUT", "/v1/chaos"): {"Sender": {"ErrorCode": 452, "Probability": 5}},
}
"""The bodies that are required."""

UNAVAILABLE = {"/messages/release": 403, "/messages/{id}/release": 403, "/messages/{id}/screenshot": 400,
               "/messages/{id}/checks/links": 400, "/messages/{id}/checks/spam": 400}  # fmt: skip
"""What an operator has to turn on."""


@pytest.fixture
def full() -> Iterator[Web]:
    """An inbox with two messages and a deletion that can be undone."""
    made = Web(faults=Faults())
    attachment = b"Content-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nx"
    made.keep(mixed(b"\r\nHey", b"Content-Type: text/html\r\n\r\n<p style='display: flex'>Hey", attachment))
    made.keep(b"Subject: two\r\nX-Tags: a\r\n\r\n", username="shop")
    made.keep(b"Subject: three\r\n\r\n")
    assert made.ask("DELETE", "/api/messages/3").headers["Deletion"] == "1"
    yield made
    made.stop()


def ask(web: Web, method: str, path: str) -> Answer | None:
    """One request for an operation; None for one whose response does not end."""
    address = path
    for name, value in VALUES.items():
        address = address.replace(name, value)
    address += QUERIES.get((method, path), "")
    body, headers = b"", {}
    if (method, path) in BODIES:
        body = json.dumps(BODIES[method, path]).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Line(web.site, method, f"/api{address}", headers, body).answer


def test_each_operation_answers_as_described(full):
    documented = Documented(full)
    # What deletes comes last, so that the others find something.
    operations = sorted(documented.operations, key=lambda each: each[0] == "DELETE")
    for method, path in operations:
        answer = ask(full, method, path)
        if answer is None:
            assert path == "/events"
            continue
        assert answer.status == UNAVAILABLE.get(path, answer.status)
        assert answer.status in (200, 204) or path in UNAVAILABLE, (method, path, answer.text)
        documented.check(method, path, answer)
        if "Deletion" in answer.headers:
            assert full.ask("POST", f"/api/deletions/{answer.headers['Deletion']}/undo").status == 204


def test_each_field_is_required(full):
    """So a response without one would not be as described."""
    documented = Documented(full)
    answer = ask(full, "GET", "/messages")
    documented.check("GET", "/messages", answer)
    for change in ({"total": "2"}, {"more": 1}, {"messages": [{"id": 1}]}):
        wrong = copy.copy(answer)
        wrong.body = json.dumps(answer.json | change).encode()
        with pytest.raises(Exception, match=r"required|not of type|Additional"):
            documented.check("GET", "/messages", wrong)


def test_another_method_or_parameter_is_an_error(full):
    documented = Documented(full)
    for path in documented.document["paths"]:
        methods = {method for method, each in documented.operations if each == path}
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            answer = ask(full, method, path)
            assert answer.status == 405
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == methods
        for method in methods:
            address = path
            for name, value in VALUES.items():
                address = address.replace(name, value)
            assert full.ask(method, f"/api{address}?unknown=1").status == 400


def test_each_method_of_a_resource_is_an_operation(full):
    handled: dict[type, set[str]] = {}
    declared: dict[type, set[str]] = {}
    for route in api_table(full.site.inbox, full.site._events, 1):
        resource = type(route.resource(*["1"] * route.path.count("{")))
        handled[resource] = {each for each in ("GET", "POST", "PUT", "DELETE") if hasattr(resource, each.lower())}
        declared.setdefault(resource, set()).update(route.methods)
    assert handled == declared


def test_nothing_of_the_api_is_outside_of_the_table(full):
    """A resource answers for its own path only."""
    site: InboxSite = full.site
    api = site.resource._inner.children[b"api"]
    assert api.children == {}
    routes = api_table(site.inbox, site._events, 1)
    for route in routes:
        assert route.resource(*["1"] * route.path.count("{")).children == {}
        address = route.path
        for name, value in VALUES.items():
            address = address.replace(name, value)
        if not any(other.path.startswith(f"{route.path}/{{") for other in routes):
            assert full.get(f"/api{address}/nothing").status == 404


def test_a_schema_is_named_once():
    assert "Error" in SCHEMAS
    assert all(name.isidentifier() and name[0].isupper() for name in SCHEMAS)
