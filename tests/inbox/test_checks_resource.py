"""The checks of a message, by the API."""

from __future__ import annotations

from tests.inbox.documented import Documented
from tests.inbox.scripted_client import ScriptedClient
from tests.inbox.test_message_checks import MESSAGE, SPAM, Score
from txsmtpx.inbox.message_tools import MessageTools


def test_the_checks_without_a_request(web):
    web.keep(MESSAGE)
    found = web.json("/api/messages/latest/checks")
    assert found["links"] == [{"kind": "link", "url": "http://a.example/"}]
    assert [each["title"] for each in found["features"]] == ["display", "display:flex"]
    assert "Outlook Windows" in found["features"][1]["unsupported"]
    assert {each["field"] for each in found["headers"]} == {"List-Unsubscribe", "Authentication-Results"}


def test_links_and_spam(web):
    web.site.inbox.tools = MessageTools(ScriptedClient({"http://a.example/": "cannot connect"}), Score(SPAM))
    web.keep(MESSAGE)
    for path in ("/messages/{id}/checks/links", "/messages/{id}/checks/spam"):
        Documented(web).check("POST", path, web.ask("POST", f"/api{path}".replace("{id}", "1")))
    assert web.ask("POST", "/api/messages/1/checks/links").json == {
        "links": [{"kind": "link", "url": "http://a.example/", "status": 0, "target": "", "error": "cannot connect"}]
    }
    assert web.ask("POST", "/api/messages/1/checks/spam").json == {
        "program": "rspamd", "spam": True, "score": 9.5, "threshold": 6.0,
        "rules": [{"name": "GTUBE", "score": 9.5, "description": "a <test>"}],
    }  # fmt: skip
    web.site.inbox.tools = MessageTools(None, Score("no daemon"))
    Documented(web).check("POST", "/messages/{id}/checks/spam", web.ask("POST", "/api/messages/1/checks/spam"))
    assert web.ask("POST", "/api/messages/1/checks/spam").json == {"error": "no daemon"}
    assert web.get("/api/messages/1/checks/spam").status == 405
    assert web.get("/api/messages/9/checks").status == 404
