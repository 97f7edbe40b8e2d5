"""The pages of a queue in Chromium: by mouse and by keyboard, wide and narrow, light and dark, and for axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inbox.chromium import Chromium
from tests.inbox.test_accessibility import RUN, axe
from tests.interop.conftest import need
from tests.queue.mails import new_mail
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd
from txsmtpx.queue.queued_mail import Selection
from txsmtpx.queue.sqlite_queue import SQLiteQueue

__all__ = ["axe"]

SCREENS = pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])


class Screen:
    """A server with a queue, and a browser in front of it."""

    def __init__(self, url: str, browser: Chromium, queue: SQLiteQueue) -> None:
        self.url = url
        self.browser = browser
        self._queue = queue

    def fill(self) -> None:
        """The messages wait until 2030, so the server delivers none."""
        self._queue.change(Selection(), "delete", 0)
        long = "a" * 60 + "@" + "b" * 60 + ".example.net"
        body = b"Subject: <script>alert(1)</script>\r\n\r\n" + b"x" * 400 + b"\r\n"
        self._queue.add([new_mail("bob@example.net", "eve@example.com", body=body), new_mail(long, held=True)])
        self._queue.add([new_mail(*[f"a{number}@example.net" for number in range(8)], sender="")])

    @property
    def states(self) -> list[str]:
        return [each.state for mail in self._queue.find(Selection(), 100, 0) for each in mail.recipients]

    def show(self, width: int, dark: bool) -> None:
        metrics = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.browser.send("Emulation.setDeviceMetricsOverride", width=width, **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.send("Emulation.setEmulatedMedia", features=[scheme])


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    need("chromium")
    directory: Path = tmp_path_factory.mktemp("queue")
    options = ("--port", LOCAL, "--backend", "queue:sqlite:queue.db", "--relay-domain", "x.example")
    options += ("--route", "* endpoint=tcp:127.0.0.1:1")  # where nothing listens
    with Twistd(directory, *options, "--queue-web", LOCAL) as server, Chromium() as browser:
        _, http = map(int, server.ports(2))
        queue = SQLiteQueue(str(directory / "queue.db"), directory / "queue.db-bodies")
        yield Screen(f"http://127.0.0.1:{http}", browser, queue)
        queue.close()
        assert "Traceback" not in server.log
        assert server.stop()


@pytest.fixture
def screen(_running: Screen) -> Iterator[Screen]:
    """One with three messages.  Whatever a page complains of, such as what its policy forbids, is a failure."""
    _running.fill()
    _running.browser.go("about:blank")
    _running.browser.events.clear()
    _running.browser.go(f"{_running.url}/")
    yield _running
    _running.show(1280, False)
    assert [each for each in _running.browser.events if each["method"].startswith(("Log.", "Runtime.exc"))] == []


@SCREENS
def test_axe_core_finds_nothing(screen: Screen, axe: str, width: int, dark: bool) -> None:
    browser = screen.browser
    screen.show(width, dark)
    script = browser.send("Page.addScriptToEvaluateOnNewDocument", source=axe)["identifier"]
    seen: dict[str, list[str]] = {}
    try:
        browser.go(f"{screen.url}/")
        urls = {"list": f"{screen.url}/", "changed": f"{screen.url}/?done=hold&changed=2"}
        urls["none"] = f"{screen.url}/?destination=nowhere.example"
        urls["message"] = browser.ask("document.querySelector('a.mail').href")
        urls["delete"] = browser.ask("document.querySelector('a.danger').href")
        for name, url in urls.items():
            browser.go(url)
            found = browser.ask(RUN)
            seen[name] = [f"{each['id']}: {each['help']}: {one['html']}" for each in found for one in each["nodes"]]
            # Nothing is wider than the screen, so nobody has to scroll to the side.
            assert browser.ask("document.querySelector('main').scrollWidth <= innerWidth"), name
            assert browser.ask("document.documentElement.scrollWidth <= innerWidth"), name
    finally:
        browser.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    assert {name: complaints for name, complaints in seen.items() if complaints} == {}


@SCREENS
def test_the_mouse(screen: Screen, width: int, dark: bool) -> None:
    browser = screen.browser
    screen.show(width, dark)
    browser.go(f"{screen.url}/?state=held")
    browser.click_on("a.danger")
    browser.eventually("document.querySelector('h1').innerText === 'Delete 1 recipient of 1 message?'")
    assert "held" in screen.states
    browser.click_on("main button.danger")
    browser.eventually("document.querySelector('[role=status]')?.innerText === 'Deleted: 1 recipient.'")
    eventually(lambda: "held" not in screen.states)


def test_the_keyboard(screen: Screen) -> None:
    """The key Tab reaches each button and link, and Enter presses it."""
    browser = screen.browser

    def tab_to(expression: str) -> None:
        for _ in range(40):
            press(browser, "Tab", 9)
            if browser.ask(f"document.activeElement.matches({expression!r})"):
                return
        raise AssertionError(f"Tab does not reach {expression}")

    tab_to("form[action*='change=hold'] button")
    press(browser, "Enter", 13)
    browser.eventually("document.querySelector('[role=status]')?.innerText === 'Held: 10 recipients.'")
    tab_to("a.mail")
    press(browser, "Enter", 13)
    browser.eventually("document.querySelector('article.one')")
    tab_to("form[action*='change=release'] button")
    press(browser, "Enter", 13)
    browser.eventually("document.querySelector('.recipient') && !document.querySelector('.recipient.held')")
    assert browser.ask("document.querySelector('pre').innerText").startswith("Subject: <script>alert(1)</script>")


def press(browser: Chromium, key: str, code: int) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    browser.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
    browser.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
