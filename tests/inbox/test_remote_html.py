"""The HTML of a message with the images and styles of other hosts."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.inbox.scripted_client import ScriptedClient
from tests.inbox.websites import RED
from txsmtpx.inbox.message_detail import parsed_content, rendered_view
from txsmtpx.inbox.remote_html import MAX_LOADED, RemoteHtml

CSS = {"content-type": "text/css"}


def begun(client, html):
    view = rendered_view(parsed_content(b"Content-Type: text/html\r\n\r\n" + html), "remote")
    found = []
    Deferred.fromCoroutine(RemoteHtml(client).loaded(view)).addCallback(found.append)
    return found


def test_styles_and_their_images():
    client = ScriptedClient({
        "http://a.example/s.css": (200, CSS, b"@import 'x'; p { background: url('i/1.gif') } </style><script>"),
        "http://a.example/i/1.gif": (200, {}, RED),
    })  # fmt: skip
    (html,) = begun(client, b"<link rel=stylesheet href='http://a.example/s.css'><img src='http://a.example/i/1.gif'>")
    assert html.count(b"data:image/gif;base64,") == 2
    assert html.count(b"</style>") == 1
    assert b"<script" not in html
    assert b"a.example" not in html
    assert len(client.asked) == 2


def test_what_is_no_image_or_style_is_left_out():
    client = ScriptedClient({
        "http://a.example/1": (200, {"content-type": "image/png"}, b"<svg onload=x>"),
        "http://a.example/2": (500, {}, RED),
        "http://a.example/3": "cannot connect",
        "http://a.example/4": (200, {"content-type": "text/html"}, b"p {}"),
    })  # fmt: skip
    images = b"".join(b"<img src='http://a.example/%d'>" % each for each in (1, 2, 3))
    (html,) = begun(client, images + b"<link rel=stylesheet href='http://a.example/4'>")
    assert html.count(b'src="data:,"') == 3
    assert b"<style></style>" in html


def test_what_does_not_come_in_time_is_left_out():
    client = ScriptedClient({"http://a.example/1": None, "http://a.example/2": (200, {}, RED)})
    found = begun(client, b"<img src='http://a.example/1'><img src='http://a.example/2'>")
    client.clock.advance(19)
    assert found == []
    client.clock.advance(1)
    assert found[0].count(b"image/gif") == 1
    assert client.clock.getDelayedCalls() == []


def test_a_limit_on_all_together():
    large = RED + bytes(3 * 1024 * 1024)
    client = ScriptedClient({f"http://a.example/{each}": (200, {}, large) for each in range(9)})
    (html,) = begun(client, b"".join(b"<img src='http://a.example/%d'>" % each for each in range(9)))
    assert 0 < len(html) <= MAX_LOADED + 1000
    assert b"data:," in html
