"""The tutorial and the how-to pages, each acted out as it is printed: files written, servers started, dialogs typed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.block import blocks
from tests.docs.story import Story

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("tutorial/*.md"), *DOCS.glob("howto/*.md")])

LANGUAGES = {"python", "shell", "console", "toml", "ini", "text"}
"""What a block may be; text is what somebody sees, and is no code."""

MANY = 5
"""More blocks than this that are not run would be too many."""

SIDE_BY_SIDE = 3


def named(page: Path) -> str:
    return f"{page.parent.name}/{page.stem}"


def act(page: Path, directory: Path) -> None:
    story = Story(directory)
    try:
        for block in blocks(page):
            if block.language != "text" and not block.not_run:
                story.tell(block)
    finally:
        story.end()


@pytest.fixture(scope="module")
def acted(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[Path, Future[None]]]:
    """The pages that tests were asked for, side by side, since each of them mostly waits."""
    wanted = [item.callspec.params["page"] for item in request.session.items if item.name.startswith("test_page[")]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {page: pool.submit(act, page, tmp_path_factory.mktemp(page.stem)) for page in wanted}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page(page: Path, acted: dict[Path, Future[None]]) -> None:
    try:
        acted[page].result()
    except FileNotFoundError as missing:
        if os.environ.get("TXSMTPX_REQUIRE_PEERS"):
            raise
        pytest.skip(f"not installed: {missing}")


def test_each_block_has_a_language() -> None:
    strange = [str(block) for page in PAGES for block in blocks(page) if block.language not in LANGUAGES]
    assert strange == []


def test_few_blocks_are_not_run() -> None:
    """And each of them says why."""
    reasons = [block.not_run for page in PAGES for block in blocks(page) if block.not_run]
    assert len(reasons) <= MANY, reasons
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_no_fence_is_missed() -> None:
    for page in PAGES:
        fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
        directives = re.findall(r"^```\{", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * (len(blocks(page)) + len(directives)), page
