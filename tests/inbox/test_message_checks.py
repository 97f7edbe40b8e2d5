"""The checks of a message, on its page."""

from __future__ import annotations

import pytest

from tests.inbox.scripted_client import ScriptedClient
from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.spam_check import SpamCheckFailed, SpamRule, SpamScore

MESSAGE = b"Content-Type: text/html\r\n\r\n<p style='display: flex'><a href='http://a.example/'>"


class Score:
    """A program that scores messages; a text is its error."""

    def __init__(self, found: SpamScore | str) -> None:
        self._found = found

    async def score(self, content: bytes) -> SpamScore:
        if isinstance(self._found, str):
            raise SpamCheckFailed(self._found)
        return self._found


SPAM = SpamScore("rspamd", True, 9.5, 6.0, [SpamRule("GTUBE", 9.5, "a <test>")])


def test_the_page_requests_nothing(web):
    client = ScriptedClient({})
    web.site.inbox.tools = MessageTools(client, Score(SPAM))
    web.keep(MESSAGE)
    page = web.get("/messages/1/checks").text
    assert "display:flex" in page
    assert "caniemail.com" in page
    assert page.count('class="check"') == 2
    assert client.asked == []


@pytest.mark.parametrize("run", ["links", "spam"])
def test_what_the_operator_does_not_allow(web, run):
    web.keep(MESSAGE)
    assert 'class="check"' not in web.get("/messages/1/checks").text
    assert web.ask("POST", f"/messages/1/checks?run={run}").status == 400
    assert web.ask("POST", f"/api/messages/1/checks/{run}").status == 400


def test_checks_by_forms(web):
    web.site.inbox.tools = MessageTools(ScriptedClient({"http://a.example/": (200, {}, b"")}), Score(SPAM))
    web.keep(MESSAGE)
    assert "<td>200</td>" in web.ask("POST", "/messages/1/checks?run=links").text
    page = web.ask("POST", "/messages/1/checks?run=spam").text
    assert "rspamd: 9.5 of 6.0, spam." in page
    assert "a &lt;test&gt;" in page
    web.site.inbox.tools = MessageTools(None, Score("no <daemon>"))
    assert "no &lt;daemon&gt;" in web.ask("POST", "/messages/1/checks?run=spam").text


def test_a_page_of_another_site_runs_no_check(web):
    client = ScriptedClient({})
    web.site.inbox.tools = MessageTools(client)
    web.keep(MESSAGE)
    for path in ("/messages/1/checks?run=links", "/api/messages/1/checks/links"):
        assert web.ask("POST", path, Origin="http://evil.example").status == 403
        assert web.get(path.replace("?run=links", "?run=x")).status in (400, 405)
    assert client.asked == []
