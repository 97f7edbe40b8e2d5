"""Messages are released in the page: ``twistd smtpx --web --release-to`` and Chromium."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from importlib.resources import files

import pytest

from tests.inbox.chromium import Chromium
from tests.inbox.test_accessibility import violations
from tests.inbox.test_browser import Inbox
from tests.interop.conftest import need
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd

WIDE, PHONE = (1280, 800), (390, 844)
OUTCOMES = "[...document.querySelectorAll('#release-outcomes p')].map((each) => each.innerText)"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Inbox, Twistd]]:
    need("chromium")
    next_server = ("--port", LOCAL, "--backend", "scripted")
    with Twistd(tmp_path_factory.mktemp("next"), *next_server, forked=True) as real:
        to = f"tcp:127.0.0.1:{real.ports(1)[0]}"
        options = ("--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--release-to", to)
        allowed = ("--release-recipient", "example.net", "--forward", "*@example.org qa@example.net")
        with Twistd(tmp_path_factory.mktemp("inbox"), *options, *allowed, forked=True) as server, Chromium() as browser:
            yield Inbox(server, browser), real
            assert "Traceback" not in server.log + real.log
            assert server.stop()
        assert real.stop()


@pytest.fixture(params=[(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def inbox(request: pytest.FixtureRequest, running: tuple[Inbox, Twistd]) -> Iterator[Inbox]:
    """An empty one, in a fresh tab of either size.  Whatever a page complains of is a failure."""
    inbox, _ = running
    browser = inbox.browser
    (width, height), scheme = request.param
    browser.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.go(f"{inbox.url}/")
    browser.ask("fetch('/api/messages', { method: 'DELETE' }).then(() => null)")
    browser.go("about:blank")
    browser.events.clear()
    browser.go(f"{inbox.url}/")
    yield inbox
    browser.ask("1")  # so that what came before is here
    complaints = [each for each in browser.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert [each for each in complaints if "400 (Bad Request)" not in str(each)] == []


def test_one_message_by_keyboard(inbox):
    browser = inbox.browser
    inbox.send("First")
    inbox.lists("First")
    browser.press("j")
    inbox.opens("First")
    browser.press("f")
    browser.eventually("document.activeElement === document.querySelector('#release-to')")
    assert browser.ask("document.querySelector('#release-title').innerText") == "Release this message"
    assert browser.ask("document.querySelector('#release-to').value") == "you@example.net"
    assert "Allowed: example.net" in browser.ask("document.querySelector('#release').innerText")
    width = browser.ask("innerWidth")
    assert browser.ask("document.querySelector('#release').getBoundingClientRect().right") <= width
    browser.write(", reject-550@example.net")  # the cursor is at the end
    browser.press("Enter")
    browser.eventually(f"{OUTCOMES}.length === 3")
    found = browser.ask(OUTCOMES)
    assert found[0] == "1 sent, 1 failed."
    assert found[1].startswith("you@example.net: 250 2.")
    assert found[2].startswith("reject-550@example.net: 550 5.")
    browser.ask("document.querySelector('#release-close').click()")
    browser.eventually("document.querySelectorAll('.fields .outcome').length === 2")
    assert browser.ask("document.querySelectorAll('.fields .outcome.failed').length") == 1
    browser.press("f")
    browser.ask("document.querySelector('#release-to').value = 'ann@example.com'")
    browser.ask("document.querySelector('#release-send').click()")
    browser.eventually(f"{OUTCOMES}[0] === 'to: ann@example.com is not allowed; allowed are example.net'")


def test_the_selected_and_all(inbox):
    browser = inbox.browser
    for subject in ("First", "Second", "Third"):
        inbox.send(subject)
    inbox.lists("Third", "Second", "First")
    button = "document.querySelector('#release-selected')"
    browser.eventually(f"{button}.innerText === 'Release all'")
    browser.ask("document.querySelectorAll('#list .select')[0].click()")
    browser.ask("document.querySelectorAll('#list .select')[1].click()")
    browser.eventually(f"{button}.innerText === 'Release 2'")
    browser.ask(f"{button}.click()")
    assert browser.ask("document.querySelector('#release-title').innerText") == "Release 2 messages"
    browser.ask("document.querySelector('#release-send').click()")
    browser.eventually(f"{OUTCOMES}[0] === '2 sent, 0 failed.'")
    browser.ask("document.querySelector('#release-close').click()")
    browser.press("/")
    browser.write("first")
    inbox.lists("First")
    browser.press("Escape")
    browser.eventually(f"{button}.innerText === 'Release found'")
    browser.press("f")
    browser.eventually("document.querySelector('#release').open")
    assert browser.ask("document.querySelector('#release-title').innerText") == "Release the messages found"
    browser.ask("document.querySelector('#release-send').click()")
    browser.eventually(f"{OUTCOMES}[0] === '1 sent, 0 failed.'")


def test_a_message_is_forwarded_by_itself(inbox, running):
    _, real = running
    before = real.log.count("qa@example.net")
    message = b"Subject: To be forwarded\r\n\r\nHey\r\n"
    with smtplib.SMTP("127.0.0.1", inbox.smtp) as client:
        client.sendmail("ann@example.org", ["you@example.org"], message)
    inbox.lists("To be forwarded")
    eventually(lambda: real.log.count("qa@example.net") > before, lambda: real.log)
    inbox.browser.go(f"{inbox.url}/messages/latest")
    assert "qa@example.net" in inbox.browser.ask("document.querySelector('.outcome').innerText")


def test_the_dialog_is_for_everybody(inbox):
    """axe-core finds nothing against the choice of a mailbox, the dialog and its outcomes."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core is not installed: pip install --group test")
    browser = inbox.browser
    inbox.send("First")
    inbox.lists("First")
    browser.ask(f"{files(axe).joinpath('axe.min.js').read_text()}; 1")
    seen = {"list": violations(inbox)}
    browser.press("j")
    inbox.opens("First")
    browser.press("f")
    browser.eventually("document.querySelector('#release').open")
    seen["dialog"] = violations(inbox)
    browser.write(", reject-550@example.net")
    browser.press("Enter")
    browser.eventually(f"{OUTCOMES}.length === 3")
    seen["outcomes"] = violations(inbox)
    browser.ask("document.querySelector('#release-close').click()")
    browser.eventually("document.querySelectorAll('.fields .outcome').length === 2")
    seen["message"] = violations(inbox)
    assert {name: complaints for name, complaints in seen.items() if complaints} == {}
