"""The pages on middleware and filters: the blocks are run one after the other, and do what the pages say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.page import Page
from txsmtpx import FilterBackend, LimitBackend, RewriteBackend, TeeBackend
from txsmtpx.testing import Conversation

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


def test_filters(run: Any) -> None:
    (careful, spamd), _ = run(FILTERS)
    mail = ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
    assert say(careful, *mail, "To: c@d", "", ".")[-1] == "550 5.6.0 A message needs a Subject"
    assert say(careful, *mail, "Subject: a", "", "The lottery!", ".")[-1] == "550 5.7.1 Message rejected as spam"
    assert say(careful, *mail, "Subject: a", "", "Lunch?", ".")[-1].startswith("250")
    assert [each.message["X-Seen-By"] for each in careful.messages] == ["Careful"]
    assert isinstance(spamd, FilterBackend)
    assert spamd.hold
