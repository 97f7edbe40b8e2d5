"""The page on threats names options and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from txsmtpx.command.groups import OPTIONS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "threats.md", ROOT / "docs" / "reliability.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_names_what_there_is(page):
    text = page.read_text()
    options = set(re.findall(r"`--([a-z][a-z0-9-]*)", text)) | set(re.findall(r" --([a-z][a-z0-9-]*)", text))
    assert options - set(OPTIONS) == set()
    paths = set(re.findall(r"`((?:tests|docs)/[\w./]+)`", text))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert options
    assert paths


def test_every_flag_that_opens_something_is_there():
    text = PAGES[0].read_text()
    for option in OPTIONS:
        if any(word in option for word in ("insecure", "trusted", "web", "metrics", "relay")):
            assert f"`--{option}" in text
