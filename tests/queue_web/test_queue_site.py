"""The site of a queue: each request is checked as one to the inbox is."""

from __future__ import annotations

import pytest

from tests.queue_web.site import ME, QueueWeb

PATHS = ["/", "/api/queue", "/api/queue/messages", "/api/queue/messages/x/source", "/nothing"]

CHANGES = [("POST", "/api/queue/delete", {"all": True}), ("POST", "/api/queue/flush", None),
           ("POST", "/api/queue/hold", {"all": True}), ("DELETE", "/api/queue/messages/{}", None)]  # fmt: skip

ELSEWHERE = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate"},
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_host_gets_nothing(it: QueueWeb, path: str) -> None:
    await it.fill()
    answer = await it.get(path, Host="evil.example")
    assert answer.status == 403
    assert "start the server with --queue-web-host NAME" in answer.text
    assert (await it.get(path, Host="devbox.example")).status in (200, 404)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("fields", ELSEWHERE, ids=str)
async def test_a_page_of_another_site_changes_nothing(
    it: QueueWeb, method: str, path: str, body: object, fields: dict[str, str]
) -> None:
    tried, _ = await it.fill()
    assert (await it.ask(method, path.format(tried), body, **fields)).status == 403
    assert await it.states() == ["waiting", "waiting", "held"]
    if "Sec_Fetch_Mode" not in fields and "Origin" not in fields:
        assert (await it.get("/api/queue/messages", **fields)).status == 403


async def test_a_form_of_another_site_changes_nothing(it: QueueWeb) -> None:
    """A browser too old for Fetch Metadata sends no JSON without having asked."""
    await it.fill()
    answer = await it.ask("POST", "/api/queue/delete", {"all": True}, Content_Type="text/plain")
    assert answer.status == 415
    assert await it.states() == ["waiting", "waiting", "held"]


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_shown_without_the_login(closed: QueueWeb, path: str) -> None:
    await closed.fill()
    for fields in ({}, {"Authorization": ME[:-4]}, {"Authorization": "Bearer x"}):
        answer = await closed.get(path, **fields)
        assert answer.status == 403  # the connection has no address of this host
    assert await closed.states() == ["waiting", "waiting", "held"]


async def test_every_response_restricts_browsers(it: QueueWeb) -> None:
    for path in PATHS:
        answer = await it.get(path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
