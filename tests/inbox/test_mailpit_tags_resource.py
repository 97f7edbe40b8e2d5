"""Tags for helpers of Mailpit."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.message_tags import MAX_TAGS


@pytest.fixture
def tagged(both):
    both.keep(b"X-Tags: Welcome, b\r\n\r\n")
    both.keep(b"X-Tags: b\r\n\r\n")
    both.keep(b"")
    return both


def tags(web):
    return [each["Tags"] for each in reversed(web.json("/api/v1/messages")["messages"])]


def test_all_tags(tagged):
    assert tagged.json("/api/v1/tags") == ["b", "welcome"]


def test_tags_are_replaced(tagged):
    answer = tagged.send("PUT", "/api/v1/tags", {"IDs": ["1", "3", "x"], "Tags": [" New ", "new", "ü", ""]})
    assert (answer.status, answer.body) == (200, b"ok")
    assert tags(tagged) == [["new", "ü"], ["b"], ["new", "ü"]]
    assert tagged.json("/api/messages?search=tag:new")["total"] == 2
    assert tagged.json("/api/v1/search?query=tag:b")["messages_count"] == 1
    for body in ({"IDs": ["1"], "Tags": []}, {"IDs": ["3"]}, {"Tags": ["x"]}, {}):
        assert tagged.send("PUT", "/api/v1/tags", body).status == 200
    assert tags(tagged) == [[], ["b"], []]


def test_a_tag_is_renamed(tagged):
    assert tagged.send("PUT", "/api/v1/tags/B", {"Name": "Welcome"}).body == b"ok"
    assert tags(tagged) == [["welcome"], ["welcome"], []]


def test_a_tag_is_removed(tagged):
    assert tagged.ask("DELETE", "/api/v1/tags/b", Accept="*/*").body == b"ok"
    assert tags(tagged) == [["welcome"], [], []]
    assert tagged.json("/api/v1/messages")["total"] == 3


WRONG = [
    ("PUT", "", {"IDs": ["1"], "Tags": [str(number) for number in range(MAX_TAGS + 1)]},
     "Tags: 21 tags are too many; the limit is 20"),
    ("PUT", "", {"IDs": ["1"], "Tags": ["x" * 101]}, "Tags: a tag may have 100 characters"),
    ("PUT", "", {"IDs": ["1"], "Tag": ["x"]}, "Tag: unknown field; known here: IDs, Tags"),
    ("PUT", "", b"", "PUT needs a body of JSON here; this is a body: {}"),
    ("PUT", "/b", b"", "PUT needs a body of JSON here; this is a body: {}"),
    ("PUT", "/b", {"Name": " "}, "Name: this field needs the new tag"),
    ("PUT", "/none", {"Name": "x"}, "no message has the tag 'none'; GET /api/v1/tags lists all tags"),
    ("DELETE", "/none", b"", "no message has the tag 'none'; GET /api/v1/tags lists all tags"),
    ("DELETE", "/b", {"Name": "x"}, "DELETE takes no body here; the parameters ids and search select messages"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "error"), WRONG)
def test_what_is_wrong_changes_nothing(tagged, method, path, body, error):
    answer = tagged.send(method, f"/api/v1/tags{path}", body)
    assert (answer.status, answer.json) == (400, {"error": error})
    assert tags(tagged) == [["welcome", "b"], ["b"], []]


def test_other_sites_change_nothing(tagged):
    for method, path in (("PUT", ""), ("PUT", "/b"), ("DELETE", "/b")):
        assert tagged.send(method, f"/api/v1/tags{path}", {}, Origin="https://evil.example").status == 403
    assert tags(tagged) == [["welcome", "b"], ["b"], []]
