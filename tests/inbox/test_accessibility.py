"""The inbox is for everybody: axe-core finds nothing against its pages (WCAG 2.1, and its own best practices)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inbox.test_browser import Inbox, _running, inbox  # noqa: F401  # fixtures
from tests.inbox.test_browser_views import SCREENS, show, with_files

AXE = "axe-core@4.14.1"

RUN = "axe.run(document, { iframes: false, preload: false }).then((found) => found.violations)"
"""What a message brings is the sender's; the frames around it are ours, and looked at from outside."""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, which npm gets."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so there is no axe-core")
    directory: Path = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "pack", "--silent", AXE], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    (archive,) = directory.glob("axe-core-*.tgz")
    subprocess.run(["tar", "xf", archive], cwd=directory, check=True)
    return (directory / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def looked_at(inbox: Inbox, axe: str) -> Iterator[Inbox]:  # noqa: F811
    browser = inbox.browser
    script = browser.send("Page.addScriptToEvaluateOnNewDocument", source=axe)["identifier"]
    browser.go(f"{inbox.url}/")
    browser.eventually("document.querySelector('#live').textContent === 'live'")
    yield inbox
    browser.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    show(inbox, 1280, False)


def violations(inbox: Inbox) -> list[str]:  # noqa: F811
    """What there is to complain of, and of what."""
    found: list[dict[str, Any]] = inbox.browser.ask(RUN)
    return [f"{each['id']}: {each['help']}: {node['html']}" for each in found for node in each["nodes"]]


@SCREENS
def test_every_page(looked_at: Inbox, width: int, dark: bool) -> None:
    browser = looked_at.browser
    show(looked_at, width, dark)
    seen = {"nothing": violations(looked_at)}
    looked_at.send_octets(with_files(5))
    looked_at.send("Second", html="<h1 style='display: flex'>Big</h1><a href='https://a.example/'>x</a>")
    looked_at.lists("Second", "Files")
    seen["list"] = violations(looked_at)
    browser.press("j")
    looked_at.opens("Second")
    views = ("iframe.html", "pre.text", "table.headers", "pre.source", "pre.markup", "table.structure", ".checks")
    for key, there in enumerate(views, 1):
        browser.press(str(key))
        browser.eventually(f"document.querySelector('{there}')")
        seen[there] = violations(looked_at)
    for view in ("unfolded", "folded"):
        browser.go(f"{looked_at.url}/messages/latest/{view}")
        seen[view] = violations(looked_at)
    browser.press("?")
    seen["keys"] = violations(looked_at)
    browser.go(f"{looked_at.url}/")
    browser.press("j")
    looked_at.opens("Second")
    browser.press("j")
    looked_at.opens("Files")
    seen["attachments"] = violations(looked_at)
    browser.press("#")
    browser.eventually("!document.querySelector('#undo').hidden")
    seen["undo"] = violations(looked_at)
    browser.go(f"{looked_at.url}/?search=nowhere")
    seen["nothing found"] = violations(looked_at)
    assert {name: complaints for name, complaints in seen.items() if complaints} == {}


def test_it_would_find_something(looked_at: Inbox) -> None:
    looked_at.browser.ask("document.body.insertAdjacentHTML('beforeend', '<button></button>')")
    assert any(complaint.startswith("button-name: ") for complaint in violations(looked_at))
