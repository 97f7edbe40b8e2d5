"""The API of a queue, with both stores: what it lists, and what it changes."""

from __future__ import annotations

import pytest

from tests.queue.mails import NOW, new_mail
from tests.queue_web.site import QueueWeb

WAITING = {"delivering": False, "attempts": 0, "reply": "", "server": "", "state": "waiting"}


async def test_the_paths(it: QueueWeb) -> None:
    paths = (await it.get("/api")).json
    assert paths["queue/messages"] == "/api/queue/messages"
    for path in paths.values():
        assert (await it.get(path)).status == 200


async def test_the_counts(both: QueueWeb) -> None:
    empty = {"messages": 0, "octets": 0, "waiting": 0, "held": 0, "delivering": 0, "oldest": None}
    assert (await both.get("/api/queue")).json == empty
    await both.fill()
    full = {"messages": 2, "octets": 40, "waiting": 2, "held": 1, "oldest": "2030-01-31T12:00:00.000Z"}
    assert (await both.get("/api/queue")).json == empty | full


async def test_a_list(both: QueueWeb) -> None:
    tried, held = await both.fill()
    answer = (await both.get("/api/queue/messages")).json
    assert answer["next"] is None
    first, second = answer["messages"]
    assert first == {
        "id": tried,
        "received": "2030-01-31T12:00:00.000Z",
        "expires": "2030-02-05T12:00:00.000Z",
        "sender": "ann@example.org",
        "size": 18,
        "priority": 0,
        "recipients": [
            WAITING
            | {
                "address": "bob@example.net",
                "destination": "example.net",
                "attempts": 1,
                "next_attempt": "2030-01-31T12:05:00.000Z",
                "reply": "451 4.2.0 Come again",
                "server": "mx.example.net",
            },
            WAITING
            | {
                "address": "eve@example.com",
                "destination": "example.com",
                "next_attempt": "2030-01-31T12:01:00.000Z",  # now
            },
        ],
    }
    assert (second["id"], second["recipients"][0]["state"], second["recipients"][0]["next_attempt"]) == (
        held,
        "held",
        None,
    )


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        ("destination=example.com", ["eve@example.com"]),
        ("sender=ann@example.org", ["bob@example.net", "eve@example.com", "bob@example.net"]),
        ("sender=", []),
        ("recipient=@example.net&state=waiting", ["bob@example.net"]),
        ("recipient=eve@example.com", ["eve@example.com"]),
        ("state=held", ["bob@example.net"]),
    ],
)
async def test_filters(both: QueueWeb, query: str, addresses: list[str]) -> None:
    await both.fill()
    found = (await both.get(f"/api/queue/messages?{query}")).json["messages"]
    assert [each["address"] for mail in found for each in mail["recipients"]] == addresses


async def test_pages(both: QueueWeb) -> None:
    added = await both.add(*[new_mail() for _ in range(5)])
    listed, after = [], 0
    while after is not None:
        page = (await both.get(f"/api/queue/messages?limit=2&after={after}")).json
        assert len(page["messages"]) <= 2
        listed += [each["id"] for each in page["messages"]]
        after = page["next"]
    assert listed == added
    assert (await both.get("/api/queue/messages?limit=0")).json == {"messages": [], "next": None}


async def test_one_message(both: QueueWeb) -> None:
    tried, _ = await both.fill()
    answer = (await both.get(f"/api/queue/messages/{tried}")).json
    assert answer["id"] == tried
    assert answer["envelope"]["sender"] == "ann@example.org"
    assert answer["envelope"]["recipients"] == '["bob@example.net","eve@example.com"]'
    assert len(answer["recipients"]) == 2


@pytest.mark.parametrize(
    ("limit", "octets"), [("", 10**6), ("?limit=7", 7), ("?limit=0", 0), ("?limit=2000000", 10**6)]
)
async def test_the_source(both: QueueWeb, limit: str, octets: int) -> None:
    body = b"Subject: a\r\n\r\n" + b"x\r\n" * 333_328 + b"\r\n"
    assert len(body) == 10**6
    id = await both.queue.submit("ann@example.org", ["bob@example.net"], body)
    answer = await both.get(f"/api/queue/messages/{id}/source{limit}")
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{id}.eml"')
    assert answer.headers["Content-Length"] == str(octets)
    assert answer.body == body[:octets]


@pytest.mark.parametrize(
    ("change", "body", "changed", "states"),
    [
        ("hold", {"destination": "example.com"}, 1, ["waiting", "held", "held"]),
        ("hold", {"all": True}, 2, ["held", "held", "held"]),
        ("release", {"state": "held"}, 1, ["waiting", "waiting", "waiting"]),
        ("delete", {"recipient": "@example.net"}, 2, ["waiting"]),
        ("delete", {"sender": ""}, 0, ["waiting", "waiting", "held"]),
        ("retry", {"all": True}, 2, ["waiting", "waiting", "held"]),
    ],
)
async def test_changes(both: QueueWeb, change: str, body: object, changed: int, states: list[str]) -> None:
    await both.fill()
    answer = await both.ask("POST", f"/api/queue/{change}", body)
    assert answer.json == {"changed": changed}
    assert await both.states() == states


async def test_changes_by_identifiers(both: QueueWeb) -> None:
    tried, held = await both.fill()
    assert (await both.ask("POST", "/api/queue/hold", {"ids": [tried], "destination": "example.net"})).json == {
        "changed": 1
    }
    assert (await both.ask("POST", "/api/queue/delete", {"ids": [held, "x"]})).json == {"changed": 1}
    assert await both.states() == ["held", "waiting"]


async def test_flush(both: QueueWeb) -> None:
    await both.fill()
    assert (await both.ask("POST", "/api/queue/flush")).json == {"changed": 2}
    assert len(await both.store.lease("me", NOW + 60, NOW + 99, 10, 10, ())) == 2
    found = (await both.get("/api/queue/messages?state=waiting")).json["messages"]
    assert [(each["delivering"], each["next_attempt"]) for each in found[0]["recipients"]] == [(True, None)] * 2


@pytest.mark.parametrize(
    ("method", "end", "changed", "states"),
    [
        ("POST", "/hold", 2, ["held", "held", "held"]),
        ("POST", "/retry", 2, ["waiting", "waiting", "held"]),
        ("POST", "/release", 0, ["waiting", "waiting", "held"]),
        ("DELETE", "", 2, ["held"]),
    ],
)
async def test_changes_of_one_message(
    both: QueueWeb, method: str, end: str, changed: int, states: list[str]
) -> None:
    tried, _ = await both.fill()
    assert (await both.ask(method, f"/api/queue/messages/{tried}{end}")).json == {"changed": changed}
    assert await both.states() == states


@pytest.mark.parametrize(
    ("method", "end"), [("GET", ""), ("GET", "/source"), ("DELETE", ""), ("POST", "/hold"), ("POST", "/retry")]
)
async def test_a_message_that_is_not_there(both: QueueWeb, method: str, end: str) -> None:
    answer = await both.ask(method, f"/api/queue/messages/x{end}")
    assert answer.status == 404
    assert answer.json == {"error": "The queue has no such message."}


WRONG = [
    (None, 400, 'the body needs a selection, such as {"ids": ["3FA9C1"]}, or {"all": true}'),
    ({}, 400, "the body needs a selection"),
    ({"all": False}, 400, "the body needs a selection"),
    ({"ids": []}, 400, "ids: this field needs 1 to 1000 identifiers, not 0"),
    ({"ids": ["x"] * 1001}, 400, "ids: this field needs 1 to 1000 identifiers, not 1001"),
    ({"ids": "x"}, 400, "ids: this field needs a list of strings"),
    ({"all": True, "state": "held"}, 400, "all: this field cannot be together with a selection"),
    ({"recipient": ""}, 400, "recipient: this field needs a value; leave it out to select any"),
    ({"state": "delivered"}, 400, "state: this field needs waiting or held, not 'delivered'"),
    ({"reciptient": "x"}, 400, "reciptient: unknown field; known here: ids, sender, recipient, destination, state"),
    (b"[]", 400, "the body needs to be an object of JSON"),
    (b"x" * 70_000, 413, "octets"),
]


@pytest.mark.parametrize(("body", "status", "why"), WRONG)
async def test_a_wrong_selection_changes_nothing(it: QueueWeb, body: object, status: int, why: str) -> None:
    await it.fill()
    for change in ("retry", "hold", "release", "delete"):
        answer = await it.ask("POST", f"/api/queue/{change}", body)
        assert answer.status == status
        assert why in answer.json["error"]
    assert await it.states() == ["waiting", "waiting", "held"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("state=delivered", "state: this parameter needs waiting or held, not 'delivered'"),
        ("destination=", "destination: this parameter needs a value; leave it out to select any"),
        ("limit=1001", "limit: this parameter needs a whole number from 0 to 1000, not '1001'"),
        ("after=x", "after: this parameter needs a whole number"),
        ("search=x", "search: unknown parameter; known here: sender, recipient, destination, state, limit, after"),
    ],
)
async def test_a_wrong_list(it: QueueWeb, query: str, why: str) -> None:
    answer = await it.get(f"/api/queue/messages?{query}")
    assert answer.status == 400
    assert answer.json["error"].startswith(why)


async def test_nothing_is_changed_without_its_method(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    for path in ("/api/queue/delete", "/api/queue/flush", f"/api/queue/messages/{tried}/hold"):
        assert (await it.get(path)).status == 405
        assert (await it.ask("DELETE", path)).status == 405
    assert (await it.ask("DELETE", "/api/queue/messages")).status == 405
    assert (await it.ask("DELETE", f"/api/queue/messages/{tried}", {"x": 1})).status == 400
    assert await it.states() == ["waiting", "waiting", "held"]
