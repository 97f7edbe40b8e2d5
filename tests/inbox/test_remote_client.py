"""Requests to the web servers that a message names."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from tests.inbox.scripted_client import ScriptedClient
from tests.wire.test_public_endpoint import Resolver, tried
from txsmtpx.inbox.remote_client import MAX_REDIRECTS, RemoteClient, remote_url
from txsmtpx.wire.web_request import WebError


def outcome(client, url="http://a.example/"):
    found = []
    Deferred.fromCoroutine(client.request("GET", url, 100)).addBoth(found.append)
    return found


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://a.example", "http://a.example"),
        (" HTTPS://a.example/b?c#d ", "https://a.example/b?c"),
        ("http://ann:secret@a.example/", "http://a.example/"),
        ("http://b\u00fccher.example:80/\u00fc b", "http://xn--bcher-kva.example:80/%C3%BC%20b"),
        ("http://a.example/%20", "http://a.example/%20"),
    ],
)
def test_urls(text, url):
    found = remote_url(text)
    assert (found.text, found.authorization) == (url, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://a.example/",
        "http://",
        "http://[::1",
        "http://a.example:x/",
        "javascript:1",
        "file:///etc/passwd",
        "http://a.example:99999/",
    ],
)
def test_what_is_no_url(text):
    (failure,) = outcome(RemoteClient(MemoryReactorClock()), text)
    failure.trap(WebError)


def test_redirects_are_followed():
    client = ScriptedClient({
        "http://a.example/": (302, {"location": "/b"}, b""),
        "http://a.example/b": (301, {"location": "https://c.example/d"}, b""),
        "https://c.example/d": (200, {}, b"found"),
    })  # fmt: skip
    ((url, answer),) = outcome(client)
    assert (url, answer.body) == ("https://c.example/d", b"found")


def test_redirects_without_end():
    client = ScriptedClient({"http://a.example/": (302, {"location": "http://a.example/"}, b"")})
    (failure,) = outcome(client)
    failure.trap(WebError)
    assert len(client.asked) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://[::1", "gopher://a.example/"])
def test_a_redirect_elsewhere(where):
    client = RemoteClient(MemoryReactorClock())
    scripted = ScriptedClient({"http://a.example/": (302, {"location": where}, b"")})
    first, send = scripted._send, client._send
    client._send = lambda method, text, limit: (first if text == "http://a.example/" else send)(method, text, limit)
    (failure,) = outcome(client)
    failure.trap(WebError)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
def test_a_private_address_is_not_called(address):
    reactor = MemoryReactorClock()
    reactor.nameResolver = Resolver([address])
    found = outcome(RemoteClient(reactor))
    reactor.advance(0.1)
    found[0].trap(WebError)
    assert "which is not public" in str(found[0].value)
    assert tried(reactor) == []
