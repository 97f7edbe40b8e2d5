"""The pages of a queue, without a browser: what they show, and what their buttons change."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import pytest

from tests.inbox.site import Answer
from tests.queue.mails import NOW, new_mail
from tests.queue_web.site import QueueWeb
from txsmtpx.web.content_security_policy import PAGE_POLICY

SCRIPT = "<script>alert(1)</script>"


def links(page: Answer, title: str) -> list[str]:
    """The URLs behind buttons and links of this title."""
    found = re.findall(r'<form action="([^"]*)" method="post">\s*<button[^>]*>([^<]*)</button>', page.text)
    found += re.findall(r'<a [^>]*href="([^"]*)"[^>]*>([^<]*)</a>', page.text)
    return [urljoin("/", unescape(url)) for url, text in found if text == title]


async def press(it: QueueWeb, page: Answer, title: str, at: str = "/") -> Answer:
    """Press a button, and follow its redirection."""
    found = re.findall(r'<form action="([^"]*)" method="post">\s*<button[^>]*>([^<]*)</button>', page.text)
    (action,) = [unescape(url) for url, text in found if text == title]
    here = urljoin(f"http://localhost:8026{at}", action).removeprefix("http://localhost:8026")
    answer = await it.ask("POST", here, Origin="http://localhost:8026")
    assert answer.status == 303
    there = urljoin(f"http://localhost:8026{here}", answer.headers["Location"]).removeprefix("http://localhost:8026")
    return await it.get(there)


async def test_an_empty_queue(it: QueueWeb) -> None:
    page = await it.get("/")
    assert page.headers["Content-Security-Policy"] == PAGE_POLICY
    assert "The queue is empty." in page.text
    assert "Delete" not in page.text


async def test_the_list(it: QueueWeb) -> None:
    tried, held = await it.fill()
    page = (await it.get("/")).text
    assert "<title>(2) Queue</title>" in page
    assert "2 messages, 40 B, the oldest 1 min old. Recipients: 2 waiting, 1 held" in page
    assert "by <bdi>example.net</bdi>, 1 attempt, next attempt in 4 min" in page
    assert "<bdi>mx.example.net: 451 4.2.0 Come again</bdi>" in page
    assert "by <bdi>example.com</bdi>, 0 attempts, due now" in page
    assert re.findall(r'href="\./messages/([^"?]*)', page) == [tried, held]
    assert page.count('<span class="state">held</span>') == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("destination=example.com", ["eve@example.com"]),
        ("destination=&sender=&recipient=&state=held", ["bob@example.net"]),
        ("sender=%3C%3E", []),
        ("recipient=eve%40example.com+", ["eve@example.com"]),
    ],
)
async def test_filters(it: QueueWeb, query: str, shown: list[str]) -> None:
    await it.fill()
    page = (await it.get(f"/?{query}")).text
    assert re.findall(r'<span class="from"><bdi>([^<]*)</bdi>', page) == shown
    assert ("No messages match." in page) == (not shown)


async def test_the_buttons_change_what_the_page_shows(it: QueueWeb) -> None:
    await it.fill()
    page = await it.get("/?destination=example.com")
    page = await press(it, page, "Hold")
    assert "Held: 1 recipient." in page.text
    assert await it.states() == ["waiting", "held", "held"]
    page = await press(it, await it.get("/"), "Release")
    assert "Released: 2 recipients." in page.text
    assert await it.states() == ["waiting"] * 3
    await press(it, await it.get("/"), "Retry")
    assert len(await it.store.lease("me", NOW + 60, NOW + 99, 10, 10, ())) == 3


async def test_all_are_tried(it: QueueWeb) -> None:
    await it.fill()
    page = await press(it, await it.get("/?state=held"), "Retry all")
    assert "Tried again now: 2 recipients." in page.text


async def test_a_deletion_is_confirmed(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    (url,) = links(await it.get("/?recipient=@example.net"), "Delete…")
    page = await it.get(url)
    assert await it.states() == ["waiting", "waiting", "held"]
    assert "Delete 2 recipients of 2 messages?" in page.text
    assert "This cannot be undone." in page.text
    await it.add(new_mail())  # it is on no page yet, so it stays
    page = await press(it, page, "Delete", "/delete")
    assert "Deleted: 2 recipients." in page.text
    assert await it.states() == ["waiting", "waiting"]
    assert tried in (await it.get("/")).text  # its other recipient is still there
    assert "There is nothing to delete" in (await it.get("/delete?ids=x")).text


async def test_pages(it: QueueWeb) -> None:
    added = await it.add(*[new_mail() for _ in range(53)])
    page = await it.get("/")
    assert page.text.count('class="mail"') == 50
    (url,) = links(page, "Show newer messages")
    page = await it.get(url)
    assert re.findall(r'href="\./messages/([^"?]*)', page.text) == added[50:]
    assert links(page, "Show newer messages") == []


WRONG = [
    ("GET", "/?state=x", "state: this parameter needs waiting or held, not 'x'"),
    ("GET", "/?search=x", "search: unknown parameter"),
    ("GET", "/?done=x", "done: this parameter needs"),
    ("POST", "/", "a POST to this path needs change=retry, hold, release or flush"),
    ("POST", "/?change=delete&ids=x", "a POST to this path needs change=retry, hold, release or flush"),
    ("POST", "/?change=hold", "ids: this parameter needs 1 to 1000 identifiers"),
    ("POST", "/delete", "ids: this parameter needs 1 to 1000 identifiers"),
    ("POST", "/delete?ids=,", "ids: this parameter needs 1 to 1000 identifiers"),
    ("GET", "/delete", "ids: this parameter needs 1 to 1000 identifiers"),
]


@pytest.mark.parametrize(("method", "path", "why"), WRONG)
async def test_a_wrong_request_changes_nothing(it: QueueWeb, method: str, path: str, why: str) -> None:
    await it.fill()
    answer = await it.ask(method, path)
    assert answer.status == 400
    assert answer.text.startswith(why)
    assert await it.states() == ["waiting", "waiting", "held"]


PATHS = ("/?change=flush", "/?change=hold&ids={}", "/delete?ids={}", "/messages/{}?change=hold")


async def test_a_page_of_another_site_presses_no_button(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    for path in PATHS:
        for fields in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            assert (await it.ask("POST", path.format(tried), **fields)).status == 403
    assert await it.states() == ["waiting", "waiting", "held"]


async def test_everything_is_escaped(it: QueueWeb) -> None:
    mail = new_mail(f'"{SCRIPT}"@example.net', sender=f'"{SCRIPT}"@example.org', body=SCRIPT.encode(), held=True)
    await it.add(mail)
    for path in ("/", f"/?sender={SCRIPT}", f"/messages/{mail.id}", f"/delete?ids={mail.id}"):
        page = await it.get(path)
        assert page.status == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
