"""Lists of messages for helpers of Mailpit."""

from __future__ import annotations

import pytest

from tests.inbox.site import Web
from txsmtpx.inbox.mailpit_list_resource import numbers_of
from txsmtpx.inbox.message_list import MAX_LIST

URL = "/api/v1/messages"


@pytest.fixture
def four(both):
    for number in range(4):
        tag = b"X-Tags: odd\r\n" if number % 2 else b""
        content = b"From: Ann <ann@example.org>\r\nTo: you@example.net\r\nSubject: %d %b\r\n%b\r\nHey"
        recipient = "you+even@example.net" if not number % 2 else "you@example.net"
        both.keep(content % (number, b"odd" if number % 2 else b"even", tag), recipient)
    return both


def ids(web, query=""):
    return [each["ID"] for each in web.json(f"{URL}{query}")["messages"]]


def read(web):
    return [each["ID"] for each in web.json(URL)["messages"] if each["Read"]]


def test_a_list(four):
    listed = four.json(URL)
    messages = listed.pop("messages")
    assert listed == {
        "total": 4, "unread": 4, "count": 4, "messages_count": 4, "messages_unread": 4, "start": 0,
        "tags": ["even", "odd"],
    }  # fmt: skip
    assert [each["ID"] for each in messages] == ["4", "3", "2", "1"]
    assert messages[0]["From"] == {"Name": "Ann", "Address": "ann@example.org"}
    assert (messages[0]["Snippet"], messages[0]["Tags"], messages[0]["Bcc"]) == ("Hey", ["odd"], [])
    assert messages[3]["Bcc"] == [{"Name": "", "Address": "you+even@example.net"}]


def test_an_empty_inbox(both):
    assert both.json(URL) == {
        "total": 0, "unread": 0, "count": 0, "messages_count": 0, "messages_unread": 0, "start": 0, "tags": [],
        "messages": [],
    }  # fmt: skip


def test_part_of_a_list(four):
    listed = four.json(f"{URL}?start=1&limit=2")
    assert (listed["start"], listed["count"], listed["total"], listed["messages_count"]) == (1, 2, 4, 4)
    assert [each["ID"] for each in listed["messages"]] == ["3", "2"]
    assert (four.json(f"{URL}?start=9")["count"], ids(four, "?start=9")) == (0, [])
    for limit in ("0", "100000", str(MAX_LIST)):
        assert ids(four, f"?limit={limit}") == ["4", "3", "2", "1"]


def test_a_list_of_a_mailbox(four):
    four.send("PUT", URL, {"IDs": ["1"], "Read": True})
    listed = four.json(f"{URL}?mailbox=tag:even")
    assert {name: listed[name] for name in ("total", "unread", "messages_count", "messages_unread")} == {
        "total": 2, "unread": 1, "messages_count": 2, "messages_unread": 1
    }  # fmt: skip
    assert [each["ID"] for each in listed["messages"]] == ["3", "1"]


def test_a_search(four):
    four.send("PUT", URL, {"IDs": ["2"], "Read": True})
    listed = four.json("/api/v1/search?query=subject:odd&limit=1")
    assert {name: value for name, value in listed.items() if name != "messages"} == {
        "total": 4, "unread": 3, "count": 1, "messages_count": 2, "messages_unread": 1, "start": 0,
        "tags": ["even", "odd"],
    }  # fmt: skip
    assert [each["ID"] for each in listed["messages"]] == ["4"]
    assert four.json("/api/v1/search?query=is:unread&limit=0")["messages_count"] == 3
    assert four.json("/api/v1/search?query=is:unread&limit=0")["messages"] == []
    assert four.json("/api/v1/search?query=odd&mailbox=tag:even")["messages"] == []


def test_a_search_in_a_time_zone(four):
    """The messages have arrived at 15:06:40 UTC, which is 00:06:40 of the next day in Tokyo."""
    for query, found in (("after:2025-06-16", 0), ("after:2025-06-16&tz=Asia/Tokyo", 4)):
        assert four.json(f"/api/v1/search?query={query}")["messages_count"] == found


def test_messages_are_marked(four):
    steps = [
        ({"IDs": ["1", "3", "99", "x"], "Read": True}, ["3", "1"]),
        ({"ids": ["1"]}, ["3"]),
        ({"Search": "subject:odd", "Read": True}, ["4", "3", "2"]),
        ({"Read": False}, []),
        ({"Read": True, "IDs": []}, ["4", "3", "2", "1"]),
        ({}, []),
    ]
    for body, marked in steps:
        answer = four.send("PUT", URL, body)
        assert (answer.status, answer.body, read(four)) == (200, b"ok", marked)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert four.send("PUT", f"{URL}?mailbox=tag:even", {"Read": True}).status == 200
    assert read(four) == ["3", "1"]


def test_messages_are_deleted(four):
    answer = four.send("DELETE", URL, {"IDs": ["2", "9", "x"]})
    assert (answer.status, answer.body, ids(four)) == (200, b"ok", ["4", "3", "1"])
    assert four.ask("POST", f"/api/deletions/{answer.headers['Deletion']}/undo").status == 204
    assert ids(four) == ["4", "3", "2", "1"]
    four.send("DELETE", f"{URL}?mailbox=tag:even", {"IDs": ["2", "3"]})
    assert ids(four) == ["4", "2", "1"]
    four.send("DELETE", f"{URL}?mailbox=tag:even", {})
    assert ids(four) == ["4", "2"]


@pytest.mark.parametrize("body", [b"", {}, {"IDs": []}, {"IDs": None}])
def test_without_identifiers_all_messages_are_deleted(four, body):
    assert (four.send("DELETE", URL, body).status, ids(four)) == (200, [])


def test_a_client_of_mailhog_gets_no_body(four):
    """That of npm reads each body as JSON."""
    answer = four.ask("DELETE", URL)
    assert (answer.status, answer.body, ids(four)) == (200, b"", [])


def test_what_a_search_finds_is_deleted(four):
    answer = four.ask("DELETE", "/api/v1/search?query=subject:odd", Accept="*/*")
    assert (answer.status, answer.body, ids(four)) == (200, b"ok", ["3", "1"])
    four.ask("DELETE", "/api/v1/search?query=hey&mailbox=tag:none")
    assert ids(four) == ["3", "1"]


WRONG = [
    ("PUT", URL, {"IDs": ["1"], "Search": "x"}, "IDs: this field and Search exclude each other"),
    ("PUT", URL, {"Search": '""', "Read": True}, "Search: this field needs a word; to mark all messages, leave it out"),
    ("PUT", URL, {"Reed": True}, "Reed: unknown field; known here: Read, IDs, Search"),
    ("PUT", URL, b"", "PUT needs a body of JSON here; this is a body: {}"),
    ("PUT", URL, b"{", "the body is no JSON; this is a body: {}"),
    ("DELETE", URL, b"ids=1", "the body is no JSON; this is a body: {}"),
    ("DELETE", URL, {"id": ["1"]}, "id: unknown field; known here: IDs"),
    ("DELETE", URL, {"IDs": "1"}, "IDs: this field needs a list of strings"),
    ("DELETE", f"{URL}?ids=1", b"", "ids: unknown parameter; known here: mailbox"),
    ("DELETE", f"{URL}?mailbox=x", b"", "mailbox: 'x' is no mailbox, such as recipient:ann@example.org, login:shop, "
     "tag:a"),
    *((method, f"/api/v1/search{query}", b"", "query: this parameter needs a word, such as query=to:ann@example.org")
      for method in ("GET", "DELETE") for query in ("", "?query=", "?query=%20", "?query=%22%22", "?query=-",
                                                    "?query=&mailbox=tag:even")),
    ("DELETE", "/api/v1/search?query=odd", {"query": "even"},
     "DELETE takes no body here; the parameters ids and search select messages"),
    ("GET", "/api/v1/search?query=before:2025-01-01&tz=Nowhere", b"",
     "tz: 'Nowhere' is no time zone of this server, such as Europe/Berlin"),
    ("GET", "/api/v1/search?query=x&tz=../../etc/passwd", b"",
     "tz: '../../etc/passwd' is no time zone of this server, such as Europe/Berlin"),
    ("GET", f"{URL}?limit=all", b"", "limit: this parameter needs a whole number from 0 to 999999999, not 'all'"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "error"), WRONG)
def test_what_is_wrong_changes_nothing(four, method, path, body, error):
    answer = four.send(method, path, body)
    assert (answer.status, answer.json) == (400, {"error": error})
    assert (ids(four), read(four)) == (["4", "3", "2", "1"], [])


@pytest.mark.parametrize(
    ("content_type", "octets", "status"), [("text/plain", 2, 415), ("application/json", 65_537, 413)]
)
def test_a_body_that_is_not_read_changes_nothing(four, content_type, octets, status):
    body = b"{}" + b" " * (octets - 2)
    assert four.send("DELETE", URL, body, Content_Type=content_type).status == status
    assert len(ids(four)) == 4


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", URL), ("PUT", URL), ("DELETE", "/api/v1/search?query=odd"), ("GET", URL)]
)
def test_other_sites_are_rejected(four, method, path):
    for fields in (
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example:8025"},
    ):
        assert four.send(method, path, {"Read": True}, **fields).status == 403
    assert (len(ids(four)), read(four)) == (4, [])


def test_a_message_that_is_deleted_meanwhile_is_left_out(monkeypatch):
    web = Web()
    for _ in range(3):
        web.keep(b"")
    found = web.store.listed

    def listed(*arguments):
        result = yield from found(*arguments)
        messages = list(result.messages)
        web.backend.delete(2)
        return result.__class__(result.total, messages, result.shown)

    monkeypatch.setattr(web.store, "listed", listed)
    assert ids(web) == ["3", "1"]
    web.stop()


def test_names_that_are_no_numbers():
    assert numbers_of(["1", "x", "", "-1", "1.5", "9" * 16, "٣", "007"]) == [1, 7]


def test_the_path_of_the_inbox():
    web = Web(path="/mail")
    web.keep(b"")
    assert web.json("/mail/api/v1/messages")["total"] == 1
    assert web.send("DELETE", "/mail/api/v1/messages", {}).body == b"ok"
    assert web.get("/api/v1/messages").status == 404
    web.stop()
