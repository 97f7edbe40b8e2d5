"""The views of a message in Chromium, its keyboard and its focus, at the width of a desktop and of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.inbox.test_browser import Inbox, _running, inbox, texts  # noqa: F401  # fixtures

SCREENS = pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])

MEDIA = """<style>p { background: rgb(1, 2, 3); height: 90px; margin: 0 } body { margin: 0 }
@media (max-width: 400px) { p { background: rgb(0, 128, 0) } }
@media (min-width: 401px) and (max-width: 768px) { p { background: rgb(0, 0, 200) } }
@media (prefers-color-scheme: dark) { p { background: rgb(90, 0, 90) } }</style><p>"""
"""A newsletter whose colour shows how wide it is, and whether it is dark."""


@pytest.fixture
def screen(inbox: Inbox, width: int, dark: bool) -> Iterator[Inbox]:  # noqa: F811
    """The page on a screen of a width, in a scheme."""
    show(inbox, width, dark)
    yield inbox
    show(inbox, 1280, False)


def show(inbox: Inbox, width: int, dark: bool) -> None:  # noqa: F811
    metrics: dict[str, Any] = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
    inbox.browser.send("Emulation.setDeviceMetricsOverride", width=width, **metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    inbox.browser.send("Emulation.setEmulatedMedia", features=[scheme])


def opened(inbox: Inbox, subject: str) -> None:  # noqa: F811
    """Open the newest message."""
    inbox.browser.eventually("document.querySelector('#list [data-id]')")
    inbox.browser.press("j")
    inbox.opens(subject)


def with_files(count: int) -> bytes:
    parts = b"".join(
        b"\r\n--b\r\nContent-Type: application/pdf; name=%d.pdf\r\n\r\n%d" % (each, each) for each in range(count)
    )
    return (
        b"Subject: Files\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello"
        + parts
        + b"\r\n--b--\r\n"
    )


@SCREENS
def test_the_html_at_three_widths_and_dark(screen, width, dark):
    browser = screen.browser
    screen.send("News", html=MEDIA)
    opened(screen, "News")
    browser.eventually("document.querySelector('iframe.html')")
    browser.frame_loaded("/frame")
    phone, tablet, desktop = (0, 128, 0), (0, 0, 200), (1, 2, 3)
    expected = {"desktop": desktop, "tablet": tablet, "phone": phone}
    if width == 390:
        expected = dict.fromkeys(expected, phone)
    for name, colour in expected.items():
        screen.browser.click_on(f".preview [value={name}]")
        x, y = browser.ask("(({ x, y, width }) => [x + width / 2, y + 50])(frame().getBoundingClientRect())")
        browser.sees(x, y, colour)
    screen.browser.click_on(".preview [name=dark]")
    browser.sees(x, y, (90, 0, 90))


@SCREENS
def test_no_attachment_is_hidden(screen, width, dark):
    """The third one neither: they are seen by scrolling the message, in no area of their own."""
    screen.send_octets(with_files(12))
    opened(screen, "Files")
    hidden = """[...document.querySelectorAll('.attachments a')].filter((each) => {
        each.scrollIntoView({ block: 'center' });
        const { x, y } = each.getBoundingClientRect();
        return !each.contains(document.elementFromPoint(x + 20, y + 20));
    }).length"""
    assert screen.browser.ask("document.querySelectorAll('.attachments a').length") == 12
    assert screen.browser.ask(hidden) == 0
    assert screen.browser.ask("[...document.querySelectorAll('.attachments, .attachments *')].every((each) => "
                              "['visible', 'clip', 'hidden'].includes(getComputedStyle(each).overflowY))")  # fmt: skip


@SCREENS
def test_the_keys_after_a_click_into_the_message(screen, width, dark):
    browser = screen.browser
    screen.send("First", html="<p>one</p>")
    screen.send("Second", html="<p>two</p>")
    screen.lists("Second", "First")
    opened(screen, "Second")
    for subject, key in (("First", "j"), ("Second", "k")):
        browser.eventually("document.querySelector('iframe.html')")
        browser.frame_loaded(browser.ask("new URL(frame().src).pathname"))
        browser.ask("frame().scrollIntoView()")
        x, y = browser.middle("iframe.html")
        browser.click(x, min(y, 700))
        browser.eventually("document.activeElement === document.querySelector('#message')")
        browser.press(key)
        screen.opens(subject)
    browser.press("5")
    browser.eventually("document.querySelector('pre.markup')?.innerText.includes('<p>two</p>')")
    browser.press("#")
    screen.opens("First")


def test_tab_enters_the_message_and_leaves_it(inbox):  # noqa: F811
    browser = inbox.browser
    inbox.send("Link", html="<a href='https://example.org/'>x</a>")
    opened(inbox, "Link")
    browser.frame_loaded("/frame")
    browser.ask("document.querySelector('.preview [name=dark]').focus()")
    tab: dict[str, Any] = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    browser.send("Input.dispatchKeyEvent", type="rawKeyDown", **tab)
    browser.eventually("document.activeElement === frame()")
    browser.ask("new Promise((done) => setTimeout(done, 2 * LOOK))")  # longer than the page takes to return the focus
    assert browser.ask("document.activeElement === frame()")


def test_scrolling_and_copying_after_a_click(inbox):  # noqa: F811
    """The message gets the focus back for these keys, and returns it."""
    browser = inbox.browser
    inbox.send("Long", html="<p>x</p>" * 200)
    opened(inbox, "Long")
    browser.frame_loaded("/frame")
    browser.click(*browser.middle("iframe.html"))
    browser.eventually("document.activeElement === document.querySelector('#message')")
    for key in ("PageDown", "Control"):
        browser.press(key)
        assert browser.ask("document.activeElement === frame()")
        browser.eventually("document.activeElement === document.querySelector('#message')")


@SCREENS
def test_the_list_of_keys(screen, width, dark):
    """On phones too, by its button."""
    screen.browser.click_on("#keys")
    assert "previous message" in screen.browser.ask("document.querySelector('#help').innerText")
    screen.browser.ask("document.querySelector('#help').close()")
    screen.browser.press("?")
    screen.browser.eventually("document.querySelector('#help').open")
    screen.browser.ask("document.querySelector('#help').close()")


@SCREENS
def test_focus_and_marks_after_a_deletion(screen, width, dark):
    browser = screen.browser
    for subject in ("First", "Second", "Third", "Fourth"):
        screen.send(subject)
    screen.lists("Fourth", "Third", "Second", "First")
    focused = "document.activeElement.querySelector('.subject')?.innerText"
    browser.ask("rows()[1].focus()")
    browser.press("Delete")  # of the row with the focus, while no message is open
    screen.lists("Fourth", "Second", "First")
    assert browser.ask(focused) == "Second"
    assert texts(screen, "#undo span") == ["1 message deleted."]
    browser.eventually("document.title === '(3) Inbox'")
    browser.press("z")
    screen.lists("Fourth", "Third", "Second", "First")
    browser.eventually("document.title === '(4) Inbox'")
    browser.press("j")
    screen.opens("Fourth")
    for _ in range(2):  # faster than the pages come
        browser.press("Delete")
    screen.lists("Second", "First")
    screen.opens("Second")
    assert browser.ask("document.querySelector('#list [aria-current]').innerText").count("Second") == 1
    assert browser.ask("[...document.querySelectorAll('#list .unread .subject')].map((each) => each.innerText)") == [
        "First"
    ]
    browser.eventually("document.title === '(1) Second · Inbox'")


def test_the_focus_after_the_button_that_deletes(inbox):  # noqa: F811
    browser = inbox.browser
    inbox.send("First")
    inbox.send("Second")
    inbox.lists("Second", "First")
    opened(inbox, "Second")
    inbox.browser.click_on("#delete button")
    inbox.opens("First")
    browser.eventually("document.activeElement === document.querySelector('#message')")
    inbox.browser.click_on("#delete button")
    browser.eventually("document.body.innerText.includes('No mail yet')")
    browser.eventually("document.activeElement === document.querySelector('#message')")


def test_headers_parts_and_markup(inbox):  # noqa: F811
    browser = inbox.browser
    inbox.send_octets(with_files(3).replace(b"Subject: Files", b"Subject: Files\r\nX-Long: a\r\n\tb"))
    opened(inbox, "Files")
    browser.press("3")
    browser.eventually("document.querySelector('table.headers')")
    for view, line in (("unfolded", "X-Long: a\tb"), ("folded", "X-Long: a\n\tb")):
        inbox.browser.click_on(f".choices [href$='/{view}']")
        browser.eventually("document.querySelector('pre." + view + "')")
        assert line in browser.ask(f"document.querySelector('pre.{view}').textContent")
        assert browser.ask("document.querySelector('.views [aria-current]').innerText") == "Headers"
    browser.press("6")
    browser.eventually("document.querySelector('table.structure')")
    rows = browser.ask("[...document.querySelectorAll('.structure tbody tr')].map((each) => each.innerText)")
    assert [row.split("\t")[0].strip("│ ") for row in rows] == [
        "multipart/mixed", "text/plain", *(f"application/pdf {each}.pdf" for each in range(3)),
    ]  # fmt: skip


def test_notifications_are_asked_for(inbox):  # noqa: F811
    """Chromium without a window shows none, so the page's calls of the API are what is looked at."""
    browser = inbox.browser
    origin = {"origin": inbox.url}
    browser.send("Browser.grantPermissions", permissions=["notifications"], **origin)
    browser.ask("""{ window.shown = []; const Real = Notification;
        window.Notification = class extends EventTarget {
            static permission = Real.permission; static requestPermission = () => Real.requestPermission();
            constructor(title, options) { super(); shown.push([title, options.body]); } };
        Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' }); }""")
    inbox.send("Quiet")
    inbox.lists("Quiet")
    assert browser.ask("shown") == []
    inbox.browser.click_on("#notify")
    browser.eventually("document.querySelector('#notify').ariaPressed === 'true'")
    inbox.send("Loud")
    browser.eventually("shown.length")
    assert browser.ask("shown") == [["Loud", "ann@example.org"]]
    inbox.browser.click_on("#notify")
    browser.eventually("document.querySelector('#notify').ariaPressed === 'false'")
    inbox.send("Quiet again")
    inbox.lists("Quiet again", "Loud", "Quiet")
    assert len(browser.ask("shown")) == 1
