"""Images and links of other hosts, in Chromium: nothing is requested unless the user asks, and then by the server."""

from __future__ import annotations

import struct
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.inbox.chromium import Chromium
from tests.inbox.test_browser import Inbox, inbox  # noqa: F401  # a fixture
from tests.inbox.websites import RED, Website, website
from tests.interop.conftest import need
from tests.wire.twistd import LOCAL, Twistd


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    need("chromium")
    options = ("--port", LOCAL, "--backend", "memory", "--web", LOCAL, "--web-remote", "127.0.0.1")
    options += ("--web-chromium", "chromium")
    with Twistd(tmp_path_factory.mktemp("inbox"), *options, forked=True) as server, Chromium() as browser:
        yield Inbox(server, browser)
        assert "Traceback" not in server.log
        assert server.stop()


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as made:
        yield made


NEWSLETTER = """<link rel="stylesheet" href="URL/style.css"><style>@import "URL/more.css";</style>
<body style="margin: 0"><img src="URL/a.gif" width="100" height="100" style="display: block">
<div class="b" style="width: 100px; height: 100px"></div>
<a href="URL/page?who=ann">read</a> <a href="URL/gone">x</a><img src="URL/script" width="9">"""


def publish(site: Website) -> str:
    """The newsletter, once its site has what it needs."""
    site.found = {
        "/a.gif": (302, "/moved.gif", b""),
        "/moved.gif": (200, "image/gif", RED),
        "/style.css": (
            200,
            "text/css",
            b"@import 'x.css'; .b { background: url(img/b.gif) } </style><script>1</script>",
        ),
        "/img/b.gif": (200, "text/plain", RED),
        "/more.css": (200, "text/css", b"body { background: rgb(0, 128, 0) }"),
        "/script": (200, "image/gif", b"<script>"),
        "/page?who=ann": (200, "text/html", b""),
    }
    return NEWSLETTER.replace("URL", site.url)


def test_images_and_styles_are_shown_on_request(inbox, site):  # noqa: F811
    browser = inbox.browser
    inbox.send("News", html=publish(site))
    inbox.lists("News")
    browser.press("j")
    browser.eventually("document.querySelector('.note a')")
    browser.frame_loaded("/frame")
    assert "4 images and styles of other hosts are not loaded" in browser.ask(
        "document.querySelector('.note').innerText"
    )
    assert site.asked == []
    browser.click_on(".note a")
    browser.eventually("document.querySelector('.note')?.innerText.includes('are shown')")
    box = "frame().getBoundingClientRect()"
    browser.sees(*browser.ask(f"[{box}.x + 50, {box}.y + 50]"), (255, 0, 0))
    browser.sees(*browser.ask(f"[{box}.x + 50, {box}.y + 150]"), (255, 0, 0))
    browser.sees(*browser.ask(f"[{box}.x + 300, {box}.y + 150]"), (0, 128, 0))
    assert site.paths == ["/a.gif", "/img/b.gif", "/more.css", "/moved.gif", "/script", "/style.css"]
    for method, _, headers in site.asked:
        names = {name.lower() for name in headers}
        assert method == "GET"
        assert names.isdisjoint({"referer", "cookie", "authorization", "x-forwarded-for"})
        assert "Chrom" not in headers["User-Agent"]


def test_a_wrong_token_shows_nothing(inbox, site):  # noqa: F811
    browser = inbox.browser
    inbox.send("News", html=publish(site))
    inbox.lists("News")
    for token in ("yes", "0" * 32):
        browser.go(f"{inbox.url}/messages/latest/html?remote={token}")
        assert "not loaded" in browser.ask("document.querySelector('.note').innerText")
        browser.go(f"{inbox.url}/messages/latest/frame?remote={token}")
    assert site.asked == []


@pytest.mark.parametrize("scripts", [True, False])
def test_links_are_checked_on_request(inbox, site, scripts):  # noqa: F811
    browser = inbox.browser
    inbox.send("News", html=publish(site))
    inbox.lists("News")
    browser.send("Emulation.setScriptExecutionDisabled", value=not scripts)
    try:
        browser.go(f"{inbox.url}/messages/latest/checks")
        assert site.asked == []
        browser.click_on(".check button")
        browser.eventually("document.querySelector('.checks tr.good')")
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
    rows = browser.ask(
        "[...document.querySelectorAll('.checks section:first-child tbody tr')].map((each) => each.innerText)"
    )
    answers = {row.split("\t")[1].split("\n")[0].removeprefix(site.url): row.split("\t")[0] for row in rows}
    assert answers == {"/style.css": "200", "/a.gif": "200", "/page?who=ann": "200", "/gone": "404", "/script": "200"}
    assert {method for method, _, _ in site.asked} == {"HEAD"}
    browser.events.clear() if not scripts else None


def test_checks_of_html_and_headers(inbox):  # noqa: F811
    browser = inbox.browser
    inbox.send("News", html="<p style='display: flex'>x")
    inbox.lists("News")
    browser.press("j")
    inbox.opens("News")
    browser.press("7")
    browser.eventually("document.querySelector('.checks')?.innerText.includes('display:flex')")
    assert "by Rémi Parmentier" in browser.ask("document.querySelector('.checks').innerText")
    assert "List-Unsubscribe" in browser.ask("document.querySelector('.checks').innerText")


@pytest.mark.parametrize(("width", "pixels"), [("phone", 390), ("desktop", 1280)])
def test_a_picture_of_the_html(inbox, site, width, pixels):  # noqa: F811
    """As high as the message; nothing in it runs or loads."""
    inbox.send("Tall", html=f"<div style='height: 3000px'>x</div><img src='{site.url}/a.gif'><script>1</script>")
    inbox.lists("Tall")
    with urllib.request.urlopen(f"{inbox.url}/api/messages/latest/screenshot?width={width}") as answer:
        octets = answer.read()
    assert octets.startswith(b"\x89PNG")
    shown_width, height = struct.unpack(">II", octets[16:24])
    assert shown_width == pixels
    assert 3000 < height < 3400
    assert site.asked == []


def test_a_picture_needs_html(inbox):  # noqa: F811
    inbox.send("Plain")
    inbox.lists("Plain")
    for query, status in (("", 404), ("?width=8", 400), ("?dark=x", 400)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{inbox.url}/api/messages/latest/screenshot{query}")
        with caught.value as error:
            assert error.code == status
