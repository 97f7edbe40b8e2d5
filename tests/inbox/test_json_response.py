"""Responses in JSON."""

from __future__ import annotations

from txsmtpx.inbox.inbox_resource import InboxResource
from txsmtpx.inbox.json_response import json_response


class Answers(InboxResource):
    """Answers with a value."""

    isLeaf = True

    def __init__(self, value):
        super().__init__({"GET": ()})
        self._value = value

    def get(self, request, parameters):
        return json_response(request, self._value)


def test_the_type_and_the_text(web):
    web.site.resource._inner.putChild(b"value", Answers({"a": iter([1, None, "ü"]), "b": "x" * 100_000}))
    answer = web.get("/value")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.endswith(b"\n")
    assert answer.json == {"a": [1, "ü"], "b": "x" * 100_000}
