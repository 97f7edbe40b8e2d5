"""Pictures of messages, by the API."""

from __future__ import annotations

from types import SimpleNamespace

from tests.inbox.documented import Documented
from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.screenshot import ScreenshotFailed


def shots(result):
    asked = []

    async def picture(html, width, dark):
        asked.append((html, width, dark))
        if isinstance(result, Exception):
            raise result
        return result

    return SimpleNamespace(picture=picture), asked


def test_pictures(web):
    made, asked = shots(b"PNG")
    web.site.inbox.tools = MessageTools(screenshots=made)
    web.keep(b"Content-Type: text/html\r\n\r\n<b>x")
    web.keep(b"\r\nx")
    answer = web.get("/api/messages/1/screenshot?width=tablet&dark=on")
    assert (answer.body, answer.headers["Content-Type"]) == (b"PNG", "image/png")
    Documented(web).check("GET", "/messages/{id}/screenshot", answer)
    assert asked[0][1:] == (768, True)
    assert asked[0][0].endswith(b"<b>x\n")
    assert web.get("/api/messages/2/screenshot").status == 404
    assert web.get("/api/messages/1/screenshot?width=5").status == 400
    assert web.get("/api/messages/1/screenshot?dark=5").status == 400
    assert ">Picture<" in web.get("/messages/1").text


def test_no_pictures(web):
    web.keep(b"Content-Type: text/html\r\n\r\n<b>x")
    assert web.get("/api/messages/1/screenshot").status == 400
    assert ">Picture<" not in web.get("/messages/1").text
    web.site.inbox.tools = MessageTools(screenshots=shots(ScreenshotFailed("it has ended"))[0])
    answer = web.get("/api/messages/1/screenshot")
    assert (answer.status, answer.json) == (502, {"error": "There is no screenshot: it has ended."})
