"""A deletion can be undone by the API."""

from __future__ import annotations

import pytest

from txsmtpx.inbox.inbox import UNDO_SECONDS


@pytest.mark.parametrize("number", ["1", "0", "x", "-1", "9" * 20])
def test_no_such_deletion(web, number):
    said = web.ask("POST", f"/api/deletions/{number}/undo")
    assert said.status == 404
    assert f"older than {UNDO_SECONDS} seconds" in said.json["error"]


def test_a_deletion_can_be_undone_once_and_for_some_seconds(both):
    for _ in range(3):
        both.keep(b"")
    first = both.ask("DELETE", "/api/messages/1").headers["Deletion"]
    both.clock.advance(UNDO_SECONDS - 1)
    second = both.ask("DELETE", "/api/messages/2").headers["Deletion"]
    assert both.ask("POST", f"/api/deletions/{first}/undo").status == 204
    assert both.ask("POST", f"/api/deletions/{first}/undo").status == 404
    both.clock.advance(UNDO_SECONDS)
    both.clock.work()
    assert both.ask("POST", f"/api/deletions/{second}/undo").status == 404
    assert [each["id"] for each in both.json("/api/messages")["messages"]] == [3, 1]


@pytest.mark.parametrize("path", ["", "/", "/1", "/1/", "/1/x", "/1/undo/x"])
def test_no_such_path(web, path):
    assert web.ask("POST", f"/api/deletions{path}").status == 404
