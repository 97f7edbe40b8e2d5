"""One of several mailboxes is chosen in the head of the page: ``twistd smtpx --web`` and Chromium."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest

from tests.inbox.chromium import Chromium
from tests.inbox.test_browser import Inbox, unexpected
from tests.interop.conftest import need
from tests.wire.twistd import LOCAL, Twistd

SELECT = "document.querySelector('#mailbox')"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    need("chromium")
    login = ("--auth", "memory:shop:secret", "--allow-insecure-auth")
    directory = tmp_path_factory.mktemp("inbox")
    options = ("--port", LOCAL, "--backend", f"inbox:{directory}/mail.db", "--web", LOCAL, *login)
    with Twistd(directory, *options, forked=True) as server, Chromium() as browser:
        yield Inbox(server, browser)
        assert "Traceback" not in server.log
        assert server.stop()


@pytest.fixture(params=[(1280, 800, "light"), (390, 844, "dark")], ids=["wide", "phone"])
def inbox(request: pytest.FixtureRequest, running: Inbox) -> Iterator[Inbox]:
    """An inbox with three messages, in a fresh tab of either size.  Whatever a page complains of is a failure."""
    browser = running.browser
    width, height, scheme = request.param
    browser.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.go(f"{running.url}/")
    browser.ask("fetch('/api/messages', { method: 'DELETE' }).then(() => null)")
    send(running, "One", "ann+signup@example.org")
    send(running, "Two", "ann@example.org", "bob@example.org")
    send(running, "Three", "bob@example.org", login="shop")
    browser.go("about:blank")
    browser.events.clear()
    browser.go(f"{running.url}/")
    running.lists("Three", "Two", "One")
    yield running
    browser.ask("1")  # so that what came before is here
    complaints = [each for each in browser.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert unexpected(complaints) == []


def send(inbox: Inbox, subject: str, *recipients: str, login: str = "") -> None:
    with smtplib.SMTP("127.0.0.1", inbox.smtp) as client:
        if login:
            client.login(login, "secret")
        client.sendmail("me@example.org", recipients, f"Subject: {subject}\r\n\r\nHey\r\n".encode())


def choose(inbox: Inbox, name: str) -> None:
    inbox.browser.ask(f"{SELECT}.value = {name!r}; {SELECT}.dispatchEvent(new Event('change', {{ bubbles: true }}))")


def test_one_is_chosen(inbox):
    browser = inbox.browser
    assert browser.ask(f"[...{SELECT}.options].map((each) => each.text)") == [
        "All mail (3)", "ann@example.org (2)", "bob@example.org (2)", "shop (1)", "signup (1)"
    ]  # fmt: skip
    assert browser.ask(f"{SELECT}.getBoundingClientRect().right <= innerWidth")
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth")
    choose(inbox, "recipient:ann@example.org")
    inbox.lists("Two", "One")
    browser.eventually("document.querySelector('#list .count').innerText.includes('2 messages')")

    send(inbox, "Four", "bob@example.org")  # which is in another, but counts
    browser.eventually(f"{SELECT}.options[0].text === 'All mail (4)'")
    send(inbox, "Five", "ann@example.org")
    inbox.lists("Five", "Two", "One")
    assert browser.ask(f"{SELECT}.selectedOptions[0].text") == "ann@example.org (3)"

    browser.press("/")
    browser.write("two")
    inbox.lists("Two")
    browser.press("Escape")
    browser.press("j")
    inbox.opens("Two")
    browser.press("Escape")
    browser.eventually("!document.querySelector('#subject')")
    assert "mailbox=recipient" in browser.ask("location.search")
    search = "document.querySelector('#search')"
    browser.ask(f"{search}.value = ''; {search}.dispatchEvent(new Event('input'))")
    inbox.lists("Five", "Two", "One")

    browser.ask("window.confirm = (text) => text === 'Delete all messages of this mailbox?'")
    browser.ask("document.querySelector('#clear button').click()")
    browser.eventually(f"{SELECT}.options[0].text === 'All mail (2)'")
    browser.eventually("!document.querySelector('#undo').hidden")
    browser.press("z")
    inbox.lists("Five", "Two", "One")
    choose(inbox, "")
    inbox.lists("Five", "Four", "Three", "Two", "One")
    browser.ask("history.back()")
    inbox.lists("Five", "Two", "One")


def test_by_keyboard(inbox):
    browser = inbox.browser
    browser.press("m")
    assert browser.ask(f"document.activeElement === {SELECT}")
    choose(inbox, "login:shop")
    inbox.lists("Three")
    assert not browser.ask(f"document.activeElement === {SELECT}")
    choose(inbox, "tag:signup")
    inbox.lists("One")
    browser.ask("document.querySelector('.mark button').click()")
    browser.eventually("document.querySelectorAll('#list .unread').length === 0")
    choose(inbox, "")
    inbox.lists("Three", "Two", "One")
    assert browser.ask("document.querySelectorAll('#list .unread').length") == 2
