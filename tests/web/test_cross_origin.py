"""Pages of other sites: those of named origins use the API, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.site import Web

APP = "https://app.example.org"
FROM_APP = {"Origin": APP, "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}


@pytest.fixture
def shared() -> Iterator[Web]:
    made = Web(origins=[APP, "http://LOCALHOST:3000"], path="/mail")
    made.keep(b"Subject: x\r\n\r\n")
    yield made
    made.stop()


def test_a_named_origin_uses_the_api(shared):
    said = shared.get("/mail/api/messages", **FROM_APP)
    assert said.json["total"] == 1
    assert said.headers["Access-Control-Allow-Origin"] == APP
    assert said.headers["Access-Control-Allow-Credentials"] == "true"
    assert said.headers["Vary"] == "Origin"
    assert shared.get("/mail/api/messages/9", **FROM_APP).headers["Access-Control-Allow-Origin"] == APP
    said = shared.ask("DELETE", "/mail/api/messages/1", **FROM_APP)
    assert (said.status, said.headers["Access-Control-Expose-Headers"]) == (204, "Deletion, Retry-After")
    assert shared.get("/mail/api/messages", Origin="http://localhost:3000", Sec_Fetch_Site="cross-site").status == 200


def test_its_browser_may_ask_before(shared):
    ask = {"Access_Control_Request_Method": "DELETE", "Access_Control_Request_Headers": "authorization"}
    said = shared.ask("OPTIONS", "/mail/api/messages/1", **FROM_APP | ask)
    assert (said.status, said.body) == (204, b"")
    assert said.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE"
    assert said.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert shared.ask("OPTIONS", "/mail/api/messages/1", **FROM_APP).status == 405
    assert (
        shared.ask("OPTIONS", "/mail/api/messages/1", **FROM_APP | ask | {"Origin": "https://evil.example"}).status
        == 403
    )


OTHERS = [
    "https://evil.example",
    "http://app.example.org",
    "https://app.example.org:8443",
    "null",
    "https://app.example.org.evil",
]


@pytest.mark.parametrize("origin", OTHERS)
def test_other_origins_do_not(shared, origin):
    for method in ("GET", "DELETE"):
        said = shared.ask(method, "/mail/api/messages", **FROM_APP | {"Origin": origin})
        assert (said.status, said.headers["Access-Control-Allow-Origin"]) == (403, None)


@pytest.mark.parametrize(
    "path", ["/mail/", "/mail/messages/1", "/mail/messages/1/frame", "/mail/static/inbox.js", "/api/x"]
)
def test_only_the_api_is_shared(shared, path):
    said = shared.get(path, **FROM_APP)
    assert (said.status, said.headers["Access-Control-Allow-Origin"]) == (403, None)
    assert shared.ask("POST", "/mail/?delete=all", **FROM_APP).status == 403


def test_the_name_of_the_host_is_checked_for_all(shared):
    assert shared.get("/mail/api/messages", Host="evil.example", **FROM_APP).status == 403
