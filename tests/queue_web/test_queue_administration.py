"""What an operator does: the log says who, and a store that fails makes no response of the text of an exception."""

from __future__ import annotations

import sqlite3

import pytest
from twisted.internet.defer import fail
from twisted.logger import capturedLogs, formatEvent

from tests.queue_web.site import QueueWeb
from txsmtpx.interfaces import StoreError

FAILING = [("GET", "/api/queue", None), ("GET", "/api/queue/messages", None), ("POST", "/api/queue/flush", None),
           ("POST", "/api/queue/delete", {"all": True}), ("DELETE", "/api/queue/messages/x", None)]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), FAILING)
async def test_a_store_that_cannot_be_used(
    it: QueueWeb, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    for name in ("find", "change", "depth"):
        error = StoreError("the queue cannot be used: secret words")
        error.__cause__ = sqlite3.OperationalError("secret words")
        monkeypatch.setattr(it.store, name, lambda *arguments, error=error: fail(error))
    with capturedLogs() as log:
        answer = await it.ask(method, path, body)
    assert answer.status == 503
    assert answer.json == {"error": "The queue cannot be used now. The log has the reason."}
    assert "queue: a request cannot be answered: the queue cannot be used: secret words" in map(formatEvent, log)


async def test_a_message_that_goes_while_it_is_opened(it: QueueWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, _ = await it.fill()
    find = it.store.find

    async def found(*arguments):
        mails = await find(*arguments)
        await it.store.change(arguments[0], "delete", it.now)
        return mails

    monkeypatch.setattr(it.store, "find", found)
    assert (await it.get(f"/api/queue/messages/{tried}/source")).status == 404


async def test_the_log_has_each_change(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    with capturedLogs() as log:
        await it.ask("POST", "/api/queue/hold", {"destination": "example.com"})
        await it.ask("DELETE", f"/api/queue/messages/{tried}")
        await it.ask("POST", "/api/queue/flush")
        await it.ask("POST", "/api/queue/delete", {"sender": "", "recipient": "a\nb"})
    assert [line for line in map(formatEvent, log) if line.startswith("queue: ")] == [
        "queue: hold by anyone from 192.168.1.1: 1 recipient (destination=example.com)",
        f"queue: delete by anyone from 192.168.1.1: 2 recipients (ids={tried})",
        "queue: retry by anyone from 192.168.1.1: 0 recipients (all)",
        "queue: delete by anyone from 192.168.1.1: 0 recipients (sender=<> recipient=a\\nb)",
    ]
