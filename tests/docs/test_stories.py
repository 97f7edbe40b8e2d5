"""
The pages, each acted out as it is printed: files written, servers started, dialogs typed.

No block of any page is left out: what another test runs is said here, and what cannot be run says so on the page.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.block import Block, blocks, texts
from tests.docs.network import network
from tests.docs.page import Page
from tests.docs.story import Story
from txsmtpx.testing import issue

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

ELSEWHERE = {
    "README.md": "tests.newcomer.test_newcomer",
    "CONTRIBUTING.md": "tests.newcomer.test_contributing",
    "docs/docker.md": "tests.distribution.test_docker",
    "docs/filters.md": "tests.backends.test_pages",
    "docs/install.md": "tests.newcomer.test_newcomer",
    "docs/inbox.md": "tests.inbox.test_documentation tests.interop.test_inbox_proxies",
    "docs/middleware.md": "tests.backends.test_pages",
    "docs/testing.md": "tests.testing.test_page",
    "docs/howto/milter.md": "tests.interop.milter_page",
    "docs/howto/mx.md": "tests.docs.test_mx",
    "docs/howto/redis-streams.md": "tests.benchmarks.test_cluster",
    "docs/howto/dkim.md": "tests.docs.test_dkim_page",
    "docs/howto/mx-security.md": "tests.docs.test_mx_security_page",
    "docs/howto/queue-postgresql.md": "tests.queue.test_two_machines",
    "docs/howto/rabbitmq.md": "tests.interop.test_rabbitmq",
    "docs/howto/oauth-client.md": "tests.docs.test_oauth_client",
    "docs/howto/from-smtpdfix.md": "tests.testing.test_migration_pages",
    "docs/howto/from-pytest-localserver.md": "tests.testing.test_migration_pages",
    "docs/howto/from-mailhog.md": "tests.testing.test_migration_pages",
}
"""Pages whose blocks a test of their own runs, since it has to look at what comes of them; it has a `Page` of each."""

EVERY_PAGE = [
    page
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("examples/**/*.md"))
    if "_build" not in page.parts
]
PAGES = sorted(page for page in EVERY_PAGE if blocks(page) and str(page.relative_to(ROOT)) not in ELSEWHERE)

LANGUAGES = {"python", "shell", "console", "toml", "ini", "text", "json", "sh", "yaml"}
"""What a block may be."""

SHOWN = ("text", "json")
"""What somebody sees, and is no code."""

MANY = 16
"""More blocks than this that are not run would be too many."""

SIDE_BY_SIDE = 3


def named(page: Path) -> str:
    return str(page.relative_to(ROOT).with_suffix("")).removeprefix("docs/")


def furnish(directory: Path) -> None:
    """With what an operator has: a certificate, a directory of them, and a log."""
    pem = issue(directory)
    shutil.copy(pem.certificate, directory / "fullchain.pem")
    shutil.copy(pem.key, directory / "privkey.pem")
    (directory / "certificates").mkdir()
    shutil.copy(issue(directory, "mx.example.org", "mx.example.org").both, directory / "certificates")
    (directory / "run/txsmtpx").mkdir(parents=True)


def act(page: Path, directory: Path) -> None:
    furnish(directory)
    with network() as own:
        story = Story(directory, as_printed=own)
        try:
            for block in blocks(page):
                if block.language not in SHOWN and not block.not_run:
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
    reasons = [block.not_run for page in EVERY_PAGE for block in blocks(page) if block.not_run]
    assert len(reasons) <= MANY, reasons
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_no_fence_is_missed() -> None:
    for page in EVERY_PAGE:
        fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
        directives = re.findall(r"^```\{", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * (len(blocks(page)) + len(directives)), page


@pytest.mark.parametrize("name", ELSEWHERE)
def test_page_of_other_tests(name: str) -> None:
    """They take each block, and do something with what they have taken."""
    modules = [importlib.import_module(each) for each in ELSEWHERE[name].split()]
    left = []
    for module in modules:
        (page,) = [each for each in vars(module).values() if isinstance(each, Page) and each.name == name]
        left.append({str(block) for block in page.left})
        source = inspect.getsource(module)
        taken = [name for name, thing in vars(module).items() if isinstance(thing, Block)]
        assert [name for name in taken if len(re.findall(rf"\b{name}\b", source)) < 2] == []
    assert set.intersection(*left) == set()


def test_what_is_not_run_could_be() -> None:
    """By its syntax."""
    for block in (block for page in EVERY_PAGE for block in blocks(page) if block.not_run):
        if block.language in ("shell", "sh"):
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


def awaits_outside(page: Path) -> bool:
    """Whether a block of a page has an ``await`` outside of a coroutine, which is a SyntaxError in a program."""
    for text in texts(page, "python"):
        try:
            compile(text, str(page), "exec", dont_inherit=True)
        except SyntaxError:
            return True
    return False


@pytest.mark.parametrize("page", [page for page in PAGES if awaits_outside(page)], ids=lambda page: page.stem)
def test_a_page_says_that_await_belongs_in_a_coroutine(page: Path) -> None:
    assert re.search(r"belongs?\s+in\s+a\s+coroutine", page.read_text(encoding="utf-8"))
