"""The inbox as a person sees it: ``twistd smtpx --web`` and Chromium."""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.inbox.chromium import Chromium
from tests.interop.conftest import need
from tests.waiting import eventually
from tests.wire.twistd import LOCAL, Twistd


class Inbox:
    """A server with its inbox, and a browser in front of it."""

    def __init__(self, server: Twistd, browser: Chromium) -> None:
        self.smtp, self.http = map(int, server.ports(2))
        self.browser = browser
        self.url = f"http://127.0.0.1:{self.http}"

    def send(self, subject: str, text: str = "Hey <3\n", html: str = "", sender: str = "ann@example.org") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, "you@example.net", subject
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        self.send_octets(message.as_bytes(), sender)

    def send_octets(self, content: bytes, sender: str = "ann@example.org") -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.sendmail(sender, ["you@example.net"], content)

    @property
    def listed(self) -> list[str]:
        """The subjects in the list."""
        return self.browser.ask("[...document.querySelectorAll('#list .subject')].map((each) => each.innerText)")

    def lists(self, *subjects: str) -> None:
        """Wait until these are in the list."""
        self.browser.eventually(
            "JSON.stringify([...document.querySelectorAll('#list .subject')].map((each) => each.innerText)) === "
            f"JSON.stringify({list(subjects)!r})"
        )

    def opens(self, subject: str) -> None:
        """Wait until it is shown."""
        self.browser.eventually(f"document.querySelector('#subject')?.innerText === {subject!r}")


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    need("chromium")
    options = ("--port", LOCAL, "--backend", "memory", "--web", LOCAL)
    with Twistd(tmp_path_factory.mktemp("inbox"), *options, forked=True) as server, Chromium() as browser:
        yield Inbox(server, browser)
        assert "Traceback" not in server.log
        assert server.stop()


@pytest.fixture
def inbox(_running: Inbox) -> Iterator[Inbox]:
    """An empty one, in a fresh tab.  Whatever a page complains of, such as what its policy forbids, is a failure."""
    browser = _running.browser
    browser.go(f"{_running.url}/")
    browser.ask("fetch('/api/messages', { method: 'DELETE' }).then(() => null)")
    browser.go("about:blank")
    browser.events.clear()
    browser.go(f"{_running.url}/")
    yield _running
    browser.ask("1")  # so that what came before is here
    complaints = [each for each in browser.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert unexpected(complaints) == []


def unexpected(complaints: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but those about the page, or the frame, of a message that was deleted while the browser asked for it."""
    entries = [each["params"].get("entry", {}) for each in complaints]
    gone = [entry.get("url", "") for entry in entries if "a status of 404" in entry.get("text", "")]
    frame = any(url == "chrome-error://chromewebdata/" or url.endswith("/frame") for url in gone)
    page = re.compile(r"/messages/\d+(/frame)?$|^chrome-error:")
    return [
        each for each, entry in zip(complaints, entries, strict=True)
        if not (entry.get("url", "") in gone and page.search(entry["url"]))
        and not (frame and entry.get("text", "").startswith("Framing "))
    ]  # fmt: skip


def test_from_the_first_message_to_the_last(inbox):
    browser = inbox.browser
    assert "No mail yet" in browser.ask("document.body.innerText")
    browser.eventually("document.querySelector('#live').innerText === 'live'")
    assert f"127.0.0.1:{inbox.smtp}" in browser.ask("document.body.innerText")

    inbox.send("First", "Your code is 123456\n")
    inbox.lists("First")
    inbox.send("Second", html="<h1>Big</h1>")
    inbox.lists("Second", "First")
    assert browser.ask("document.title") == "(2) Inbox"
    assert browser.ask("document.querySelector('#list time').innerText") == "just now"

    browser.press("j")
    inbox.opens("Second")
    browser.eventually("document.querySelector('iframe.html')")
    browser.press("k")
    for _ in range(2):  # faster than the pages come
        browser.press("j")
    inbox.opens("First")
    assert "Your code is 123456" in browser.ask("document.querySelector('pre.text').innerText")
    assert browser.ask("document.title") == "First · Inbox"
    assert browser.ask("document.querySelectorAll('#list .unread').length") == 0
    browser.press("3")
    browser.eventually("document.querySelector('table.headers')?.innerText.includes('you@example.net')")
    browser.ask("history.back()")
    browser.eventually("document.querySelector('pre.text')")

    inbox.send("Third")  # which does not take away what is read
    inbox.lists("Third", "Second", "First")
    assert browser.ask("document.querySelector('#subject').innerText") == "First"

    browser.press("/")
    browser.write("subject:")
    browser.eventually("document.querySelector('#list .wrong')?.innerText.includes('such as subject:invoice')")
    browser.write("sec")
    inbox.lists("Second")
    browser.ask("document.querySelector('#search').value = ''")
    browser.ask("document.querySelector('#search').dispatchEvent(new Event('input'))")
    inbox.lists("Third", "Second", "First")
    browser.press("Escape")

    browser.press("#")
    inbox.lists("Third", "Second")
    browser.ask("document.querySelector('#delete button').click()")
    inbox.lists("Third")
    browser.ask("window.confirm = () => true; document.querySelector('#clear button').click()")
    browser.eventually("document.body.innerText.includes('No mail yet')")


def test_an_event_does_not_stop_the_way_back(inbox):
    """The list is fetched again 100 ms after an event; the page takes longer here."""
    browser = inbox.browser
    inbox.send("First")
    inbox.lists("First")
    browser.press("j")
    inbox.opens("First")
    browser.press("3")
    browser.eventually("document.querySelector('table.headers')")
    browser.ask(
        "{ const real = fetch; const late = () => new Promise((done) => setTimeout(done, 400));"
        "  window.fetch = async (url) => { if (!String(url).includes('/api/')) await late(); return real(url); } }"
    )
    browser.ask("history.back()")
    browser.ask("refresh()")
    browser.eventually("document.querySelector('pre.text')")


def test_what_is_deleted_elsewhere_goes(inbox):
    inbox.send("First")
    inbox.lists("First")
    inbox.browser.press("j")
    inbox.opens("First")
    inbox.browser.ask("fetch('/api/messages/latest', { method: 'DELETE' }).then(() => null)")
    inbox.browser.eventually("document.body.innerText.includes('No mail yet')")


def texts(inbox: Inbox, selector: str) -> list[str]:
    """The texts of the elements that are shown."""
    shown = f"[...document.querySelectorAll({selector!r})].filter((each) => each.offsetParent)"
    return inbox.browser.ask(f"{shown}.map((each) => each.innerText)")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_select_mark_delete_and_undo(inbox, width, dark):
    browser = inbox.browser
    metrics: dict[str, Any] = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setDeviceMetricsOverride", width=width, **metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.send("Emulation.setEmulatedMedia", features=[scheme])
    for subject in ("First", "Second", "Third"):
        inbox.send(subject)
    inbox.lists("Third", "Second", "First")
    assert texts(inbox, ".tools button") == ["Mark all read", "Mark all unread"]

    inbox.browser.click_on("#list li:nth-child(3) .select")
    inbox.browser.click_on("#list li:nth-child(1) .select")
    assert texts(inbox, ".tools button") == ["Mark 2 read", "Mark 2 unread", "Delete 2"]
    inbox.send("Fourth")  # the selection stays
    inbox.lists("Fourth", "Third", "Second", "First")
    assert texts(inbox, ".tools button") == ["Mark 2 read", "Mark 2 unread", "Delete 2"]
    inbox.browser.click_on(".mark[data-mark=read] button")
    browser.eventually("document.querySelectorAll('#list .unread').length === 2")
    browser.eventually("document.title === '(2) Inbox'")

    inbox.browser.click_on("#select-all")
    assert texts(inbox, "#delete-selected") == ["Delete 4"]
    inbox.browser.click_on("#list li:nth-child(2) .select")
    inbox.browser.click_on("#delete-selected")
    inbox.lists("Third")
    assert texts(inbox, "#undo span") == ["3 messages deleted."]
    inbox.browser.click_on("#undo button")
    inbox.lists("Fourth", "Third", "Second", "First")
    assert browser.ask("document.querySelectorAll('#list .unread').length") == 2
    assert texts(inbox, "#undo") == []

    inbox.browser.click_on("#search")
    browser.write("f")
    inbox.lists("Fourth", "First")
    assert texts(inbox, ".tools button") == ["Mark found read", "Mark found unread"]
    inbox.browser.click_on(".mark[data-mark=unread] button")
    browser.eventually("document.querySelectorAll('#list .unread').length === 2")
    browser.ask("window.confirm = () => true; document.querySelector('#clear button').click()")
    browser.eventually("document.querySelector('#list .none')")
    browser.ask("document.activeElement.blur()")
    browser.press("z")
    inbox.lists("Fourth", "First")
    assert not browser.ask("document.documentElement.scrollWidth > innerWidth")
    browser.send("Emulation.setDeviceMetricsOverride", width=1280, **metrics)
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])


def test_marks_and_undo_by_the_keyboard(inbox):
    """The open message stays unread when it was marked so, also when the list changes."""
    browser = inbox.browser
    inbox.send("First")
    inbox.send("Second")
    inbox.lists("Second", "First")
    browser.press("j")
    inbox.opens("Second")
    browser.eventually("document.querySelectorAll('#list .unread').length === 1")
    browser.press("u")
    browser.eventually("document.querySelectorAll('#list .unread').length === 2")
    inbox.send("Third")
    inbox.lists("Third", "Second", "First")
    assert browser.ask("document.querySelectorAll('#list .unread').length") == 3
    assert browser.ask("document.title") == "(3) Second · Inbox"
    assert browser.ask("document.querySelector('#list [aria-current]').innerText").count("Second") == 1
    browser.press("r")
    browser.eventually("document.title === '(2) Second · Inbox'")
    browser.press("#")
    inbox.lists("Third", "First")
    inbox.opens("First")
    browser.press("z")
    inbox.lists("Third", "Second", "First")
    browser.press("x")
    browser.press("#")
    inbox.lists("Third", "Second")
    assert "1 message deleted." in browser.ask("document.body.innerText")


def test_images_of_the_message_are_seen(inbox):
    """By ``cid:`` in its HTML, and as an attachment."""
    pixel = b"R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs="
    inbox.send_octets(
        b"Subject: Picture\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        b"<body style='margin: 0'><img src='cid:a%40b' width=300 height=200>\r\n--b\r\nContent-Type: image/gif\r\n"
        b"Content-ID: <a@b>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + pixel + b"\r\n--b--\r\n"
    )
    inbox.lists("Picture")
    inbox.browser.press("j")
    inbox.browser.eventually("document.querySelector('.attachments img')?.naturalWidth === 1")
    box = "document.querySelector('iframe.html').getBoundingClientRect()"
    x, y = inbox.browser.ask(f"[{box}.x + 20, {box}.y + 20]")
    inbox.browser.sees(x, y, (255, 0, 0))


class Listener:
    """A server that nobody may speak to, and who has."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    connection.settimeout(1)
                    self.asked.append(b"a connection")
                    with contextlib.suppress(OSError):
                        self.asked.append(connection.recv(1000))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


HOSTILE = """<!DOCTYPE html><html manifest="URL/manifest"><head>
<base href="URL/"><base target="_top"><meta http-equiv="refresh" content="0; url=URL/refresh">
<meta http-equiv="Content-Security-Policy" content="default-src *">
<link rel="preconnect" href="URL"><link rel="dns-prefetch" href="URL"><link rel="prefetch" href="URL/prefetch">
<link rel="preload" as="image" href="URL/preload"><link rel="stylesheet" href="URL/css">
<link rel="icon" href="URL/icon"><link rel="modulepreload" href="URL/module"><link rel="prerender" href="URL/prerender">
<script type="speculationrules">{"prefetch": [{"source": "list", "urls": ["URL/speculation"]}]}</script>
<style>@import "URL/import"; @import url(URL/import2); @font-face { font-family: f; src: url(URL/font) }
body { background: url(URL/background); font-family: f; cursor: url(URL/cursor), auto }
p::before { content: url(URL/content) } li { list-style-image: url(URL/list) } </sty</style>
<script>TITLE</script><script src="URL/script"></script></head>
<body onload="TITLE" background="URL/body" style="background-image: url('URL/style')">
<p>Hello</p><img src="URL/img" srcset="URL/srcset 1x" onerror="TITLE"><img src=x onerror=TITLE>
<picture><source srcset="URL/source"><img></picture><input type="image" src="URL/input" autofocus onfocus="TITLE">
<iframe src="URL/iframe"></iframe><iframe srcdoc="<script>TITLE</script>"></iframe>
<iframe src="javascript:TITLE"></iframe><object data="URL/object"></object><embed src="URL/embed">
<video src="URL/video" poster="URL/poster" autoplay></video>
<audio src="URL/audio" autoplay></audio><track src="URL/track"><portal src="URL/portal"></portal>
<svg onload="TITLE"><script>TITLE</script><image href="URL/svg"/><use href="URL/use#a"/><animate onbegin="TITLE"/></svg>
<math><mtext><table><mglyph><style><img src=x onerror="TITLE"></style></mglyph></table></mtext></math>
<table background="URL/table"><tr><td background="URL/cell"></td></tr></table><ul><li>x</ul>
<form action="URL/form" id="f"><button formaction="URL/button">x</button></form>
<script>document.forms[0].submit()</script><noscript><p title="</noscript><img src=x onerror=TITLE>"></noscript>
<template><script>TITLE</script></template>
<!--><img src=x onerror=TITLE>--><![CDATA[><script>TITLE</script>]]><details open ontoggle="TITLE"><summary>x</details>
<a id="link" href="javascript:TITLE" style="position: fixed; left: 0; top: 0; width: 100px; height: 100px">click</a>
<a href="URL/a" ping="URL/ping" style="position: fixed; left: 0; top: 200px; width: 100px; height: 100px">click</a>
"""

TITLE = "(parent||self).document.title=document.title=`pwned`"


def hostile(listener: Listener) -> str:
    return HOSTILE.replace("URL", f"http://127.0.0.1:{listener.port}").replace("TITLE", TITLE)


def test_a_hostile_message_runs_nothing_and_loads_nothing(inbox, listener):
    browser = inbox.browser
    inbox.send("Hostile", html=hostile(listener), sender="eve@example.com")
    inbox.lists("Hostile")
    browser.press("j")
    browser.eventually("document.querySelector('iframe.html')")
    for view, there in (("2", "pre.text"), ("3", "table.headers"), ("4", "pre.source"), ("1", "iframe.html")):
        browser.press(view)
        browser.eventually(f"document.querySelector('{there}')")
    box = "document.querySelector('iframe.html').getBoundingClientRect()"
    x, y = browser.ask(f"[{box}.x + 50, {box}.y + 50]")
    browser.frame_loaded("/frame")
    browser.click(x, y)  # the javascript: link
    assert browser.ask("document.title") == "Hostile · Inbox"

    browser.go(f"{inbox.url}/messages/latest/frame")  # in a tab of its own
    browser.click(50, 50)
    assert browser.ask("document.title") == ""
    assert browser.ask("document.querySelector('p').innerText") == "Hello"
    assert browser.ask("origin") == "null"
    browser.go(f"{inbox.url}/")
    assert listener.asked == []
    browser.events.clear()  # it has complained of what it had to forbid


def test_a_link_in_a_message_opens_in_another_tab(inbox, listener):
    """If somebody clicks it, which also shows that the listener of these tests hears."""
    inbox.send("Link", html=hostile(listener))
    inbox.lists("Link")
    inbox.browser.press("j")
    inbox.browser.eventually("document.querySelector('iframe.html')")
    inbox.browser.frame_loaded("/frame")
    box = "document.querySelector('iframe.html').getBoundingClientRect()"
    x, y = inbox.browser.ask(f"[{box}.x + 50, {box}.y + 250]")
    inbox.browser.click(x, y)
    eventually(lambda: any(each.startswith(b"GET /a ") for each in listener.asked))
    (request,) = [each for each in listener.asked if each.startswith(b"GET /a ")]
    assert b"referer" not in request.lower()
    assert not any(b"/ping" in each for each in listener.asked)
    assert inbox.browser.ask("document.title") == "Link · Inbox"


def test_a_page_of_somebody_else_reads_and_deletes_nothing(inbox, listener):
    inbox.send("Secret")
    inbox.lists("Secret")
    browser = inbox.browser
    browser.go("data:text/html,<title>x</title>")
    for request in ("fetch(URL)", "fetch(URL, {method: 'DELETE'})", "fetch(URL, {method: 'POST', mode: 'no-cors'})"):
        tried = request.replace("URL", f"'{inbox.url}/api/messages'")
        assert browser.ask(f"{tried}.then((answer) => answer.text(), () => '')") == ""
    browser.go(f"{inbox.url}/")
    inbox.lists("Secret")
    browser.events.clear()  # it has complained, as it should


def test_a_hostile_attachment_is_not_shown(inbox):
    page = f"<script>{TITLE}</script>".encode()
    inbox.send_octets(b"Subject: x\r\nContent-Type: text/html; name=x.html\r\n\r\n" + page)
    inbox.lists("x")
    browser = inbox.browser
    browser.send("Page.navigate", url=f"{inbox.url}/api/messages/latest/parts/1")  # which becomes a download
    assert browser.ask("document.title") == "(1) Inbox"


@pytest.mark.parametrize("size", [(380, 700), (1280, 800)])
def test_nothing_is_wider_than_the_screen(inbox, size):
    width, height = size
    browser = inbox.browser
    inbox.send("x" * 300, "y" * 300 + "\n" + "z " * 500, sender="w" * 60 + "@example.org")
    inbox.lists("x" * 300)
    metrics: dict[str, Any] = {"deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setDeviceMetricsOverride", width=width, height=height, **metrics)
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not browser.ask(wide)
    for key, there in (("j", "pre.text"), ("2", "pre.text"), ("3", "table.headers"), ("4", "pre.source")):
        browser.press(key)
        browser.eventually(f"document.querySelector('{there}')")
        assert not browser.ask(wide)
    browser.send("Emulation.setDeviceMetricsOverride", width=1280, height=800, **metrics)


def test_it_works_without_scripts(inbox):
    """By links and forms, as they stand."""
    browser = inbox.browser
    inbox.send("First")
    inbox.send("Second")
    inbox.lists("Second", "First")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.go(f"{inbox.url}/?search=second")
        browser.click_on("#list [data-id]")
        inbox.opens("Second")
        browser.click_on("#delete button")
        browser.eventually("location.search.startsWith('?search=second&undo=') && !document.querySelector('#subject')")
        browser.click_on("#undo button")
        browser.eventually("location.search === '?search=second' && document.querySelector('#list .subject')")
        browser.go(f"{inbox.url}/?search=second")
        browser.click_on("#clear button")
        browser.eventually("document.querySelector('#list .none')")
        browser.go(f"{inbox.url}/")
        assert inbox.listed == ["First"]
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_with_a_login(tmp_path):
    """What the page asks for by itself has the login too, and the events as well."""
    need("chromium")
    options = ("--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--web-auth", "memory:me:secret")
    with Twistd(tmp_path, *options) as server, Chromium() as browser:
        inbox = Inbox(server, browser)
        browser.send("Page.navigate", url=f"{inbox.url}/")
        inbox.send("First")
        browser.eventually("document.documentElement && document.readyState === 'complete'")
        assert "First" not in browser.ask("document.documentElement.outerHTML")
        login = base64.b64encode(b"me:secret").decode("ascii")
        browser.send("Network.enable")
        browser.send("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {login}"})
        browser.events.clear()
        browser.go(f"{inbox.url}/")
        inbox.lists("First")
        browser.eventually("document.querySelector('#live').innerText === 'live'")
        inbox.send("Second")
        inbox.lists("Second", "First")
        browser.press("j")
        inbox.opens("Second")
        browser.press("#")
        inbox.lists("First")
        complaints = [
            each for each in browser.events if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]
        assert complaints == []


def test_the_picture_is_small():
    """What the README shows, made by docs/screenshots.py."""
    picture = Path(__file__).parents[2] / "docs" / "images" / "inbox.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000
