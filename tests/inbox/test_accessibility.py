"""The inbox is for everybody: axe-core finds nothing against its pages (WCAG 2.1, and its own best practices)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from tests.inbox.test_browser import Inbox, _running, inbox  # noqa: F401  # fixtures

RUN = "axe.run(document, { iframes: false, preload: false }).then((found) => found.violations)"
"""What a message brings is the sender's; the frames around it are ours, and looked at from outside."""


@pytest.fixture
def looked_at(inbox: Inbox) -> Inbox:  # noqa: F811
    axe = pytest.importorskip("axe_core_python", reason="axe-core is not installed: pip install --group test")
    browser = inbox.browser
    browser.send("Page.addScriptToEvaluateOnNewDocument", source=files(axe).joinpath("axe.min.js").read_text())
    browser.go(f"{inbox.url}/")
    browser.eventually("document.querySelector('#live').innerText === 'live'")
    return inbox


def violations(inbox: Inbox) -> list[str]:  # noqa: F811
    """What there is to complain of, and of what."""
    found: list[dict[str, Any]] = inbox.browser.ask(RUN)
    return [f"{each['id']}: {each['help']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page(looked_at: Inbox, scheme: str) -> None:
    browser = looked_at.browser
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        seen = {"nothing": violations(looked_at)}
        looked_at.send("First")
        looked_at.send("Second", html="<h1>Big</h1>")
        looked_at.lists("Second", "First")
        seen["list"] = violations(looked_at)
        browser.press("j")
        views = (("1", "iframe.html"), ("2", "pre.text"), ("3", "table.headers"), ("4", "pre.source"))
        looked_at.opens("Second")
        for key, there in views:
            browser.press(key)
            browser.eventually(f"document.querySelector('{there}')")
            seen[there] = violations(looked_at)
        browser.go(f"{looked_at.url}/?search=nowhere")
        seen["nothing found"] = violations(looked_at)
    finally:
        browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    assert {name: complaints for name, complaints in seen.items() if complaints} == {}


def test_it_would_find_something(looked_at: Inbox) -> None:
    looked_at.browser.ask("document.body.insertAdjacentHTML('beforeend', '<button></button>')")
    assert any(complaint.startswith("button-name: ") for complaint in violations(looked_at))
