"""The HTML of a message, for the iframe of its page."""

from __future__ import annotations

from tests.inbox.websites import RED
from txsmtpx.inbox.message_frame import frame_page
from txsmtpx.inbox.message_tools import MessageTools
from txsmtpx.inbox.remote_html import RemoteHtml
from txsmtpx.web.content_security_policy import MESSAGE_POLICY

from tests.inbox.scripted_client import ScriptedClient  # isort: skip


def test_the_frame(web):
    web.keep(b"Content-Type: text/html\r\n\r\n<b>x<script>1</script>")
    frame = web.get("/messages/1/frame")
    assert frame.body == frame_page(b"<b>x")
    assert frame.headers["Content-Security-Policy"] == MESSAGE_POLICY
    web.keep(b"\r\nx")
    assert web.get("/messages/2/frame").status == 404


def test_images_of_other_hosts_need_the_token_of_the_message(web):
    client = ScriptedClient({"http://a.example/1": (200, {}, RED)})
    tools = web.site.inbox.tools = MessageTools(client, html=RemoteHtml(client))
    for _ in range(2):
        web.keep(b"Content-Type: text/html\r\n\r\n<img src='http://a.example/1'>")
    for token in ("x", tools.token(2)):
        assert b"data:" not in web.get(f"/messages/1/frame?remote={token}").body
        assert f"remote={token}" not in web.get(f"/messages/1/html?remote={token}").text
    assert client.asked == []
    frame = web.get(f"/messages/1/frame?remote={tools.token(1)}")
    assert b"data:image/gif" in frame.body
    assert frame.headers["Content-Security-Policy"] == MESSAGE_POLICY  # the browser loads nothing
    assert f"frame?remote={tools.token(1)}" in web.get(f"/messages/1/html?remote={tools.token(1)}").text
