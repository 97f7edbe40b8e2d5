"""The pages on middleware and filters: the blocks are run one after the other, and do what the pages say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from twisted.internet.task import Clock

from tests.docs.page import Page
from txsmtpx import FilterBackend, LimitBackend, RewriteBackend, TeeBackend
from txsmtpx.interfaces import Change, IFilter
from txsmtpx.testing import Conversation, Link

MIDDLEWARE, FILTERS = Page("docs/middleware.md"), Page("docs/filters.md")
BLOCKS = {page: page.take_all("python") for page in (MIDDLEWARE, FILTERS)}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the blocks of a page; what ``backend`` was after each that has it, and all names in the end."""
    monkeypatch.chdir(tmp_path)

    def run(page: Page) -> tuple[list[Any], dict[str, Any]]:
        names: dict[str, Any] = {}
        made = []
        for block in BLOCKS[page]:
            names.pop("backend", None)
            exec(block.text, names)
            made += [names["backend"]] if "backend" in names else []
        return made, names

    return run


def say(backend: Any, *lines: str) -> list[str]:
    client = Conversation(backend)
    said = client.ask("EHLO client.example", *lines)
    client.hang_up()
    return said


def test_middleware(run: Any, tmp_path: Path) -> None:
    (limit, rewrite, tee, own), names = run(MIDDLEWARE)
    message = ("DATA", "Subject: x", "", ".")
    assert [type(each) for each in (limit, limit.backend, rewrite)] == [LimitBackend, LimitBackend, RewriteBackend]
    recipients = ("RCPT TO:<info@example.org>", "RCPT TO:<b@old.example.org>")
    say(rewrite, "MAIL FROM:<a@intern.example.org>", *recipients, *message)
    (received,) = rewrite.messages
    assert (received.sender, received.recipients) == ("a@example.org", ("ann@example.org", "b@example.org"))
    said = say(names["required"], "MAIL FROM:<a@b>", "RCPT TO:<x@example.org>", "RCPT TO:<Ann@example.org>")
    assert [line[:9] for line in said[-2:]] == ["550 5.1.1", "250 2.1.5"]
    assert isinstance(tee, TeeBackend)
    assert tee.copies.maildir("a@b", "localhost") == str(tmp_path / "archive")
    said = say(own, "MAIL FROM:<a@b>", "RCPT TO:<c@bank.example>", "RCPT TO:<c@example.org>")
    assert [line[:10] for line in said[-2:]] == ["550 5.7.10", "250 2.1.5 "]


MAIL = ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")


def test_filters(run: Any) -> None:
    (careful, authentication, rating, failing, spamd), _ = run(FILTERS)
    assert say(careful, *MAIL, "To: c@d", "", ".")[-1] == "550 5.6.0 A message needs a Subject"
    assert say(careful, *MAIL, "Subject: a", "", "The lottery!", ".")[-1] == "550 5.7.1 Message rejected as spam"
    said = say(careful, *MAIL, "Subject: a", "", "The lottery!", ".", *MAIL, "Subject: a", "", "Lunch?", ".")
    assert [line[:3] for line in said[-5:]] == ["550", "250", "250", "354", "250"]  # each message anew
    assert [each.message["X-Seen-By"] for each in careful.messages] == ["Careful"]
    assert authentication.hold
    forged = ("Authentication-Results: x; dkim=pass", "Subject: a lottery", "authentication-results: y")
    assert say(authentication, *MAIL, *forged, "", "x", ".")[-1].startswith("250")
    (received,) = authentication.messages
    assert received.content == b"Authentication-Results: mx.example.org; none\r\nSubject: a lottery\r\n\r\nx\r\n"
    assert received.facts["quarantine"] == "a lottery"
    for backend in (rating, failing):
        assert say(backend, "MAIL FROM:<a@b>", "RCPT TO:<sales@d>")[-1] == "550 5.7.1 Your address has a bad reputation"
        assert say(backend, *MAIL, "", ".")[-1].startswith("250")
        assert backend.messages[0].facts == {"reputation": -5}
    assert [each.label for each in failing.filters.values()] == ["Rating", "strict"]
    assert isinstance(spamd, FilterBackend)
    assert spamd.hold


def test_a_policy(run: Any) -> None:
    _, names = run(FILTERS)
    client = Conversation(policy=names["policy"])
    assert client.replies() == ["220 localhost ESMTP txsmtpx"]
    client.hang_up()
    link = Link(names["factory"].buildProtocol(None), Clock(), "192.0.2.1")
    assert link.replies() == ["554 5.7.1 No mail from your network"]
    assert link.over


def test_the_stages_and_changes_of_the_page() -> None:
    """The tables have all of them."""
    text = FILTERS.text
    rows = re.findall(r"(?m)^\| `(\w+)\(", text)
    assert rows[:10] == list(IFilter.names())
    named = re.findall(r"`(\w+)\(", "".join(re.findall(r"(?m)^\| `[A-Z].*", text)))
    assert {kind.__name__ for each in get_args(Change) for kind in (get_args(each) or (each,))} <= set(named)
    assert re.findall(r'(?m)^\| `"(\w+)"`', text) == ["defer", "reject", "accept"]
