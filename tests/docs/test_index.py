"""docs/index.md leads a reader to a page by what the reader wants to do."""

from __future__ import annotations

import re

import pytest

from tests.docs.page import ROOT

INDEX = (ROOT / "docs/index.md").read_text(encoding="utf-8")
VISIBLE = INDEX.partition(":::{toctree}")[0]
LINKS = [(" ".join(text.split()), target) for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", VISIBLE)]


@pytest.mark.parametrize(
    ("words", "page", "answer"),
    [
        ("existing Twisted application", "howto/existing-application.md", "listen(mail)"),
        ("LMTP behind Postfix", "howto/postfix-dovecot.md", "virtual_transport = lmtp:"),
        ("Flask", "testing.md", "def test_"),
        ("452 4.3.1", "replies.md", "Insufficient system storage"),
    ],
)
def test_a_question_has_a_link(words: str, page: str, answer: str) -> None:
    assert [target.partition("#")[0] for text, target in LINKS if words in text] == [page]
    assert answer in (ROOT / "docs" / page).read_text(encoding="utf-8")


def test_the_cards_are_roles() -> None:
    cards = re.findall(r"\{grid-item-card\} (.+)", INDEX)
    assert cards[:6] == [
        "I receive mail in my program", "I send mail", "I run a server", "I catch mail in development", "I test",
        "I come from another library or program",
    ]  # fmt: skip
    assert len(LINKS) <= 90  # a list of all pages and their sections would have hundreds


def test_install_comes_first() -> None:
    assert next(target for _, target in LINKS if not target.startswith("https:")) == "install.md"
    assert re.findall(r":caption: .*\n\n(\S+)", INDEX)[0] == "install"
    assert len(re.findall(r"\{toctree\}\n:hidden:", INDEX)) == INDEX.count("{toctree}")
