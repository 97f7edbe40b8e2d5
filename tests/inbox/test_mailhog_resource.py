"""Messages for helpers of MailHog."""

from __future__ import annotations

import pytest

from tests.content.hostile import mixed
from tests.inbox.site import Web
from txsmtpx.inbox.mailhog_resource import MAX_LIST
from txsmtpx.inbox.message_parser import MAX_IN_SERVER

URL = "/api/v2/messages"


@pytest.fixture
def three(both):
    both.keep(b"From: Ann <ann@example.org>\r\nSubject: one\r\n\r\nbig invoice\r\n", "you@example.net", "b@example.net")
    both.keep(mixed(b"\r\nHey", b"Content-Type: text/html\r\n\r\n<p>Hey"), "you+a@example.net", sender="")
    both.keep(b"Subject: three\r\n\r\ninvoice, big\r\n")
    return both


def ids(web, path):
    return [each["ID"] for each in web.json(path)["items"]]


def test_a_list(three):
    listed = three.json(URL)
    assert (listed["total"], listed["count"], listed["start"]) == (3, 3, 0)
    assert [each["ID"] for each in listed["items"]] == ["3", "2", "1"]
    content = b"From: Ann <ann@example.org>\r\nSubject: one\r\n\r\nbig invoice\r\n"
    path = {"Relays": None, "Domain": "example.net", "Params": ""}
    assert listed["items"][2] == {
        "ID": "1",
        "From": {"Relays": None, "Mailbox": "sender", "Domain": "client.example", "Params": ""},
        "To": [{"Mailbox": "you"} | path, {"Mailbox": "b"} | path],
        "Content": {
            "Headers": {"From": ["Ann <ann@example.org>"], "Subject": ["one"]},
            "Body": "big invoice\r\n",
            "Size": len(content),
            "MIME": None,
        },
        "Created": "2025-06-15T15:06:40.250Z",
        "MIME": None,
        "Raw": {
            "From": "sender@client.example",
            "To": ["you@example.net", "b@example.net"],
            "Data": content.decode(),
            "Helo": "client.example",
        },
    }
    assert [part["Body"] for part in listed["items"][1]["MIME"]["Parts"]] == ["Hey", "<p>Hey"]
    assert (listed["items"][1]["From"]["Mailbox"], listed["items"][1]["Raw"]["From"]) == ("", "")


def test_part_of_a_list(three):
    listed = three.json(f"{URL}?start=1&limit=1")
    assert (listed["total"], listed["count"], listed["start"]) == (3, 1, 1)
    assert [each["ID"] for each in listed["items"]] == ["2"]
    for limit in ("0", "100000"):
        assert ids(three, f"{URL}?limit={limit}") == ["3", "2", "1"]
    assert ids(three, f"{URL}?mailbox=tag:a") == ["2"]


def test_an_empty_inbox(both):
    assert both.json(URL) == {"total": 0, "count": 0, "start": 0, "items": []}


def test_the_longest_list():
    web = Web()
    for _ in range(MAX_LIST + 1):
        web.keep(b"")
    assert web.json(f"{URL}?limit=1000")["count"] == MAX_LIST
    web.stop()


SEARCHES = {
    "kind=from&query=ann@example.org": ["1"],
    "kind=from&query=sender@client.example": ["3", "1"],
    "kind=to&query=b@example.net": ["1"],
    "kind=containing&query=big+invoice": ["1"],
    "kind=containing&query=invoice": ["3", "1"],
    "kind=containing&query=%22from:ann%22": [],
    "kind=containing&query=hey&mailbox=tag:a": ["2"],
    "kind=to&query=you&start=1&limit=1": ["2"],
}


@pytest.mark.parametrize(("query", "found"), SEARCHES.items())
def test_a_search(three, query, found):
    listed = three.json(f"/api/v2/search?{query}")
    assert ([each["ID"] for each in listed["items"]], listed["count"]) == (found, len(found))


WRONG = ["", "?query=x", "?kind=cc&query=x", "?kind=to", "?kind=to&query=", "?kind=to&query=%22",
         "?kind=to&query=x&q=1"]  # fmt: skip


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_search(three, query):
    answer = three.get(f"/api/v2/search{query}")
    assert (answer.status, list(answer.json)) == (400, ["error"])


def test_one_message(three):
    assert three.json("/api/v1/messages/1") == three.json(URL)["items"][2]
    assert three.json("/api/v1/messages/latest")["ID"] == "3"
    answer = three.get("/api/v1/messages/1/download")
    assert (answer.headers["Content-Type"], answer.body[:5]) == ("message/rfc822", b"From:")


def test_a_message_is_deleted(three):
    answer = three.ask("DELETE", "/api/v1/messages/2")
    assert (answer.status, answer.body, ids(three, URL)) == (200, b"", ["3", "1"])
    assert three.ask("POST", f"/api/deletions/{answer.headers['Deletion']}/undo").status == 204
    assert three.ask("DELETE", "/api/v1/messages/2", Accept="*/*").body == b"ok"
    assert three.ask("DELETE", "/api/v1/messages").status == 200
    assert ids(three, URL) == []


@pytest.mark.parametrize("path", ["9", "x", "9/download", "1/mime/part/0/download", "1/release"])
def test_what_is_not_there(three, path):
    assert three.get(f"/api/v1/messages/{path}").status == 404
    assert three.ask("DELETE", "/api/v1/messages/9").status == 404


def test_other_sites_are_rejected(three):
    for fields in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Host": "evil.example"}):
        assert three.ask("DELETE", "/api/v1/messages/1", **fields).status == 403
    assert three.get(URL, Sec_Fetch_Site="cross-site").status == 403
    assert len(ids(three, URL)) == 3


def test_long_messages_are_described_elsewhere(both):
    for _ in range(2):
        both.keep(mixed(b"\r\n" + b"Hey " * MAX_IN_SERVER, b"\r\nx"))
    line = both.line("GET", URL)
    both.clock.work()
    first, second = line.answer.json["items"]
    assert first["MIME"]["Parts"][0]["Body"] == "Hey " * MAX_IN_SERVER
    assert second["Raw"]["Data"].startswith("Subject: mixed")
    assert [view for view, _, _ in both.clock.opened] == ["mailhog", "mailhog"]
    assert all(each.held == 0 for each in both.site.connections._open)


def test_a_message_that_exceeds_a_limit_has_its_header(monkeypatch):
    web = Web()
    web.keep(b"Subject: one\r\n\r\n" + b"x" * 100_000)
    web.site.inbox.parser._too_expensive.add(1)
    (item,) = web.json(URL)["items"]
    assert (item["Content"]["Headers"], item["Content"]["Body"], item["Raw"]["Data"]) == ({"Subject": ["one"]}, "", "")
    assert (item["Content"]["Size"], item["Raw"]["From"]) == (100_016, "sender@client.example")
    web.stop()


def test_a_message_that_is_deleted_meanwhile_is_left_out(monkeypatch):
    web = Web()
    for _ in range(3):
        web.keep(b"")
    found = web.store.numbers

    def numbers(*arguments):
        result = yield from found(*arguments)
        web.backend.delete(3)
        return result

    monkeypatch.setattr(web.store, "numbers", numbers)
    assert ids(web, URL) == ["2", "1"]
    web.stop()
