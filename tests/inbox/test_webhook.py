"""Requests for messages that arrive, with a web server in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.inbox.site import ARRIVED, Web
from tests.wire.web_server import OK, WebServer
from txsmtpx.backends.http_signature import WebhookSecret
from txsmtpx.inbox import webhook
from txsmtpx.inbox.webhook import CONNECTIONS, TIMEOUT, Webhook
from txsmtpx.wire.web_url import WebURL

pytest.importorskip("treq", reason="treq is not installed: pip install 'txsmtpx[http]'")

URL = WebURL.parsed("http://app.example.org/arrived?key=secret")
SECRET = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Hook:
    """An inbox, its webhook and the application."""

    def __init__(self, web: Web, secret: WebhookSecret | None = None) -> None:
        self.web = web
        self.server = WebServer(timeout=TIMEOUT, connections=CONNECTIONS)
        self.hook = Webhook(URL, self.server.client, secret, lambda: ARRIVED)
        web.site.inbox.subscribers.append(self.hook.changed)

    def end(self) -> None:
        self.web.site.inbox.subscribers.remove(self.hook.changed)
        for pipe in self.server.pipes:
            pipe.hang_up()
        self.hook.close()


@pytest.fixture
def hook(both: Web) -> Iterator[Hook]:
    made = Hook(both, SECRET)
    yield made
    made.end()


def test_each_message_that_arrives(hook):
    for subject in (b"one", b"two"):
        hook.web.keep(b"Subject: %b\r\n\r\n" % subject)
    bodies = []
    for pipe in hook.server.pipes:
        head, _, body = pipe.asked.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /arrived?key=secret HTTP/1.1"
        headers = {name.lower(): value for name, value in (line.split(": ") for line in lines[1:])}
        assert headers["content-type"] == "application/json"
        assert SECRET.verify(headers, body, ARRIVED) == "msg_0123456789AB"
        bodies.append(json.loads(body))
        pipe.say(OK)
    assert bodies == hook.web.json("/api/messages")["messages"][::-1]


def test_other_changes_are_none(hook):
    hook.web.keep(b"")
    hook.server.pipe.say(OK)
    hook.web.ask("POST", "/api/messages/read")
    deletion = hook.web.ask("DELETE", "/api/messages").headers["Deletion"]
    hook.web.ask("POST", f"/api/deletions/{deletion}/undo")
    assert len(hook.server.pipes) == 1


def test_a_failure_is_logged_without_the_query(hook):
    with capturedLogs() as logged:
        hook.web.keep(b"")
        hook.server.pipe.say(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        hook.web.keep(b"")
        hook.server.clock.advance(TIMEOUT)
    assert [formatEvent(each) for each in logged if each["log_namespace"] == webhook.__name__] == [
        "queue=0123456789AB webhook http://app.example.org/arrived: the application answers 500",
        "queue=0123456789AB webhook http://app.example.org/arrived: no answer within 10 seconds",
    ]
    assert hook.hook._sending == 0


def test_some_at_a_time(hook, monkeypatch):
    monkeypatch.setattr(webhook, "MAX_WAITING", 2)
    for _ in range(CONNECTIONS + 3):
        hook.web.keep(b"")
    assert len(hook.server.pipes) == CONNECTIONS
    requests = 0
    while asked := [pipe for pipe in hook.server.pipes if pipe.asked]:
        for pipe in asked:
            pipe.say(OK)
        requests += len(asked)
    assert requests == CONNECTIONS + 2  # the last one found no room


def test_at_the_end_none_is_sent(hook):
    for _ in range(CONNECTIONS + 1):
        hook.web.keep(b"")
    hook.hook.close()
    for pipe in list(hook.server.pipes):
        pipe.say(OK)
    assert len(hook.server.pipes) == CONNECTIONS
