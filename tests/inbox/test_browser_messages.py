"""Real kinds of messages in Chromium, on a desktop and on a phone, in light and dark."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.inbox.test_browser import Inbox, _running, inbox  # noqa: F401  # fixtures
from tests.inbox.test_browser_views import SCREENS, opened, screen  # noqa: F401  # a fixture

CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def newsletter() -> EmailMessage:
    message = EmailMessage()
    message.set_content("Read this\n")
    rows = "<tr><td style='width: 600px'>" + "A long paragraph of the news. " * 40 + "</td></tr>"
    message.add_alternative(f"<table width='600'>{rows * 30}</table>", subtype="html")
    message["List-Unsubscribe"] = "<https://example.org/u?1>"
    return message


def invitation() -> EmailMessage:
    message = EmailMessage()
    message.set_content("You are invited\n")
    message.add_attachment(CALENDAR, maintype="text", subtype="calendar", filename="invite.ics")
    return message


def bounce() -> EmailMessage:
    message = EmailMessage()
    message["Content-Type"] = "multipart/report; report-type=delivery-status; boundary=b"
    message.set_payload(
        "--b\r\n\r\nNot delivered\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; you@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
    )
    return message


def text(words: str) -> EmailMessage:
    message = EmailMessage()
    message.set_content(words)
    return message


MESSAGES = {
    "News": (newsletter(), "iframe.html", ""),
    "Invitation": (invitation(), "pre.text", "You are invited"),
    "Bounce": (bounce(), "pre.text", "Not delivered"),
    "\u05e9\u05dc\u05d5\u05dd": (
        text("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd\n"),
        "pre.text",
        "\u05e2\u05d5\u05dc\u05dd",
    ),
    "\u3053\u3093\u306b\u3061\u306f": (text("\u4e16\u754c\n"), "pre.text", "\u4e16\u754c"),
}


@SCREENS
def test_kinds_of_messages(screen: Inbox, width: int, dark: bool) -> None:  # noqa: F811
    browser = screen.browser
    for subject, (message, _, _) in MESSAGES.items():
        del message["From"], message["To"], message["Subject"]
        message["From"], message["To"], message["Subject"] = "ann@example.org", "you@example.net", subject
        screen.send_octets(message.as_bytes())
    subjects = list(MESSAGES)[::-1]
    screen.lists(*subjects)
    for subject in subjects:
        browser.press("j")
        screen.opens(subject)
        place, words = MESSAGES[subject][1:]
        browser.eventually(f"document.querySelector('{place}')")
        assert words in browser.ask(f"document.querySelector('{place}').textContent")
        for key in "67":
            browser.press(key)
            browser.eventually(f"document.querySelector('.views [aria-current]').innerText === "
                               f"'{'Parts' if key == '6' else 'Checks'}'")  # fmt: skip
            assert not browser.ask("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_message_of_25_mb(screen: Inbox, width: int, dark: bool) -> None:  # noqa: F811
    message = EmailMessage()
    message["Subject"] = "Large"
    message.set_content("small text\n")
    message.add_alternative("<p>small</p>", subtype="html")
    message.add_attachment(bytes(18_000_000), maintype="application", subtype="zip", filename="large.zip")
    screen.send_octets(message.as_bytes())
    opened(screen, "Large")
    screen.browser.eventually("document.querySelector('iframe.html')")
    assert "large.zip" in screen.browser.ask("document.querySelector('.attachments').innerText")
    screen.browser.press("6")
    screen.browser.eventually("document.querySelector('table.structure')?.innerText.includes('18 MB')")


def test_1000_messages(inbox: Inbox) -> None:  # noqa: F811
    """The list has the newest, and a link to the others; the keys work at once."""
    browser = inbox.browser
    browser.go("about:blank")
    for each in range(1000):
        inbox.send(f"Message {each}")
    browser.go(f"{inbox.url}/")
    browser.eventually("document.title === '(1000) Inbox'")
    assert browser.ask("rows().length") == 100
    browser.press("j")
    inbox.opens("Message 999")
    browser.eventually("document.title === '(999) Message 999 · Inbox'")
    browser.press("#")
    inbox.opens("Message 998")
