"""The API that releases messages."""

from __future__ import annotations

import pytest

from tests.inbox.documented import Documented
from tests.inbox.releasing import releasing
from tests.inbox.site import Line
from txsmtpx.inbox import release_resource
from txsmtpx.inbox.release_resource import MAX_REQUESTS
from txsmtpx.testing import SILENCE
from txsmtpx.web.web_errors import Busy

MESSAGE = b"Subject: a\r\nBcc: secret@x.example\r\nMessage-ID: <old@x.example>\r\n\r\nHey\r\n"


@pytest.fixture(params=["memory", "file"])
def open_inbox(request, tmp_path):
    def make(*allowed, **how):
        return releasing(*allowed, file=tmp_path / "mail.db" if request.param == "file" else None, **how)

    return make


def test_to_those_on_it(open_inbox):
    with open_inbox(RCPT=["250 2.1.5 Ok", "550 5.1.1 No"]) as web:
        web.keep(MESSAGE, "a@x.example", "b@x.example")
        for path in ("/api/messages/1/release", "/api/messages/latest/release"):
            answer = web.post(path)
            assert answer.status == 200
        web.network.servers[0].replies.clear()
        assert web.commands[:3] == [
            "MAIL FROM:<sender@client.example>", "RCPT TO:<a@x.example>", "RCPT TO:<b@x.example>"
        ]  # fmt: skip
        first, second = web.messages
        assert b"secret" not in first + second
        assert b"old" not in first + second
        assert first != second
        assert web.json("/api/messages/1")["releases"][0]["recipient"] == "a@x.example"


def test_the_outcomes(open_inbox):
    with open_inbox(RCPT=["250 2.1.5 Ok", "550 5.1.1 No"], END="250 2.0.0 Taken") as web:
        web.keep(MESSAGE, "a@x.example", "b@x.example")
        answer = web.post("/api/messages/1/release")
        Documented(web).check("POST", "/messages/{id}/release", answer)
        assert answer.json == {
            "outcomes": [
                {"id": 1, "recipient": "a@x.example", "released": True, "reply": "250 2.0.0 Taken"},
                {"id": 1, "recipient": "b@x.example", "released": False, "reply": "550 5.1.1 No"},
            ],
            "released": 1,
            "failed": 1,
        }


def test_to_others(open_inbox):
    with open_inbox() as web:
        web.keep(MESSAGE)
        web.post("/api/messages/1/release?to=c@y.example,%20d@y.example&keep_id=1")
        assert web.commands[1:] == ["RCPT TO:<c@y.example>", "RCPT TO:<d@y.example>"]
        (message,) = web.messages
        assert message.partition(b"Subject")[2] == MESSAGE.replace(b"Bcc: secret@x.example\r\n", b"")[7:]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [("", [3, 2, 1]), ("?search=subject:b", [2]), ("?ids=1,3,99", [1, 3])],
)
def test_several(open_inbox, query, numbers):
    with open_inbox() as web:
        for subject in (b"a", b"b", b"c"):
            web.keep(b"Subject: %b\r\n\r\n" % subject)
        found = web.post(f"/api/messages/release{query}").json
        assert [each["id"] for each in found["outcomes"]] == numbers
        assert (found["released"], found["failed"]) == (len(numbers), 0)
        assert len(web.messages) == len(numbers)


def test_nothing_matches(open_inbox):
    with open_inbox() as web:
        assert web.post("/api/messages/release?search=x").json == {"outcomes": [], "released": 0, "failed": 0}
        assert web.post("/api/messages/7/release").status == 404


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("to=ann", "to: 'ann' is not an address (not a mailbox)"),
        ("to=a@y.example", "to: a@y.example is not allowed; allowed are *@x.example"),
        ("to=a@x.example,a@y.example", "to: a@y.example is not allowed; allowed are *@x.example"),
        ("to=,", "to: this parameter needs an address; to release to those of each message, leave it out"),
        ("to=" + ",".join(["a@x.example"] * 101), "to: 101 recipients are too many; the limit is 100"),
        ("keep_id=yes", "keep_id: this parameter needs a whole number from 0 to 1, not 'yes'"),
        ("search=", "search: this parameter needs a word; to select all messages, leave it out"),
    ],
)
def test_what_is_wrong_releases_nothing(query, error):
    with releasing("*@x.example") as web:
        web.keep(MESSAGE, "a@x.example")
        answer = web.post(f"/api/messages/release?{query}")
        assert (answer.status, answer.json) == (400, {"error": error})
        assert web.network.servers == []


def test_too_many_at_once(monkeypatch):
    monkeypatch.setattr(release_resource, "MAX_MESSAGES", 2)
    with releasing() as web:
        for _ in range(3):
            web.keep(b"")
        answer = web.post("/api/messages/release")
        assert answer.json == {"error": "3 messages are too many to release at once; the limit is 2"}
        assert web.network.servers == []


def test_too_many_requests():
    with releasing(GREETING=SILENCE) as web:
        web.keep(MESSAGE)
        lines = [web.line("POST", "/api/messages/1/release") for _ in range(MAX_REQUESTS)]
        assert web.post("/api/messages/1/release").status == 503
        assert [line.answer for line in lines] == [None] * MAX_REQUESTS
        for _ in range(3):  # connections of those that wait come after those of the others
            web.clock.advance(700)
            web.work()
        assert web.release.requests == 0


def test_nothing_is_released_without_the_option(web):
    web.keep(MESSAGE)
    for path in ("/api/messages/release", "/api/messages/1/release"):
        answer = web.ask("POST", path)
        assert answer.status == 403
        assert answer.json["error"].endswith("start the server with --release-to ENDPOINT.")
    assert "elease" not in web.get("/messages/1").text
    assert "releases" not in web.json("/api/messages/1")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_sites_release_nothing(headers):
    with releasing() as web:
        web.keep(MESSAGE)
        assert web.post("/api/messages/1/release", **headers).status == 403
        assert web.ask("GET", "/api/messages/1/release").status == 405
        assert web.network.servers == []


def test_a_body_is_refused():
    with releasing() as web:
        web.keep(MESSAGE)
        line = Line(web.site, "POST", "/api/messages/1/release", {"Content-Length": "2"}, b"{}")
        assert line.answer is not None
        assert line.answer.status == 400
        assert web.network.servers == []


def test_the_page_has_the_outcome():
    with releasing(END="250 2.0.0 <b>") as web:
        web.keep(MESSAGE, "a@x.example")
        web.post("/api/messages/1/release")
        assert "<bdi>&lt;a@x.example&gt;</bdi>: 250 2.0.0 &lt;b&gt;" in web.get("/messages/1").text


def test_a_busy_store_is_an_outcome(tmp_path, monkeypatch):
    with releasing(file=tmp_path / "mail.db") as web:
        web.keep(MESSAGE)
        web.keep(MESSAGE)
        held = web.store.message
        monkeypatch.setattr(web.store, "message", lambda number: busy() if number == 2 else held(number))
        found = web.post("/api/messages/release?to=a@x.example").json
    assert [(each["id"], each["released"]) for each in found["outcomes"]] == [(2, False), (1, True)]
    assert found["outcomes"][0]["reply"].startswith("Not sent: the inbox is busy")


def busy():
    """The work of a store that is busy."""
    raise Busy
    yield
