"""The page of one message."""

from __future__ import annotations

import pytest

from tests.queue.mails import new_mail
from tests.queue_web.site import QueueWeb
from tests.queue_web.test_queue_pages import press
from txsmtpx.queue_web.queue_message_page import MAX_TEXT


async def test_a_message(it: QueueWeb) -> None:
    tried, held = await it.fill()
    page = (await it.get(f"/messages/{tried}")).text
    assert f"<title>{tried} · Queue</title>" in page
    assert "<dt>From</dt><dd><bdi>ann@example.org</bdi></dd>" in page
    assert "2030-01-31 12:00 UTC</time> (1 min ago), 18 B by ESMTP" in page
    assert "2030-02-05 12:00 UTC</time>, then it is returned to its sender" in page
    assert "<bdi>mx.example.net: 451 4.2.0 Come again</bdi>" in page
    assert "Subject: a\n\nHi" in page.replace("\r\n", "\n")
    assert f'href="../api/queue/messages/{tried}/source?limit=999999999" download' in page
    assert [title in page for title in (">Retry now<", ">Hold<", ">Release<")] == [True, True, False]
    page = (await it.get(f"/messages/{held}")).text
    assert [title in page for title in (">Retry now<", ">Hold<", ">Release<")] == [False, False, True]


async def test_its_buttons(it: QueueWeb) -> None:
    tried, _ = await it.fill()
    at = f"/messages/{tried}"
    page = await press(it, await it.get(at), "Hold", at)
    assert await it.states() == ["held"] * 3
    page = await press(it, page, "Release", at)
    assert await it.states() == ["waiting", "waiting", "held"]
    assert page.status == 200


async def test_a_long_message_is_cut(it: QueueWeb) -> None:
    id = await it.queue.submit("ann@example.org", ["bob@example.net"], b"Subject: x\r\n\r\n" + b"x\r\n" * 30_000)
    page = (await it.get(f"/messages/{id}")).text
    assert "Only the beginning is shown." in page
    assert len(page) < MAX_TEXT + 10_000


async def test_many_recipients(it: QueueWeb) -> None:
    mail = new_mail(*[f"a{number}@example.net" for number in range(1002)])
    await it.add(mail)
    assert "and 2 more, see the API" in (await it.get(f"/messages/{mail.id}")).text
    assert "and 997 more" in (await it.get("/")).text


@pytest.mark.parametrize(("path", "status"), [("/messages", 303), ("/messages/", 303), ("/messages/x", 404)])
async def test_other_paths(it: QueueWeb, path: str, status: int) -> None:
    assert (await it.get(path)).status == status


@pytest.mark.parametrize("query", ["", "?change=delete", "?change=x"])
async def test_a_wrong_button(it: QueueWeb, query: str) -> None:
    tried, _ = await it.fill()
    assert (await it.ask("POST", f"/messages/{tried}{query}")).status == 400
    assert await it.states() == ["waiting", "waiting", "held"]
