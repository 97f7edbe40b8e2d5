"""The address by which a browser calls the inbox, also behind a proxy and below a path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from tests.inbox.site import Web
from txsmtpx.web.request_address import RequestAddresses

PAGES = ("", "?search=x", "messages/1", "messages/1/text", "messages/1/", "messages/")


@pytest.fixture
def below() -> Iterator[Web]:
    """An inbox below a path."""
    made = Web("mail.example", path="/a/mail")
    made.keep(b"Subject: x\r\nContent-Type: text/html\r\n\r\n<p>x")
    yield made
    made.stop()


def test_everything_is_below_the_path(below):
    assert "Subject: x" in below.get("/a/mail/messages/1/source").text
    assert below.json("/a/mail/api/messages")["total"] == 1
    assert below.json("/a/mail/api/messages/1")["parts"][0]["url"] == "/a/mail/api/messages/1/parts/1"
    assert below.json("/a/mail/api")["events"] == "/a/mail/api/events"
    assert "curl 'http://localhost:8025/a/mail/api/messages" in below.get("/a/mail/").text
    assert below.get("/a/mail/static/inbox.js").status == 200
    for path in ("/api/messages", "/messages/1", "/static/site.css", "/a", "/a/", "/a/x", "/mail/", "/x"):
        assert below.get(path).status == 404
    assert below.get("/a/mail/api/x").json["error"]
    for path, location in (("/", "a/mail/"), ("/a/mail", "mail/")):
        assert (below.get(path).status, below.get(path).headers["Location"]) == (303, location)
        assert below.get(path, Host="evil.example").status == 403


@pytest.mark.parametrize("page", PAGES)
def test_the_urls_of_a_page_are_relative(web, below, page):
    """So they are the same below any path."""
    web.keep(b"Subject: x\r\nContent-Type: text/html\r\n\r\n<p>x")
    web.get("/messages/1")
    below.get("/a/mail/messages/1")
    said = below.get(f"/a/mail/{page}")
    assert said.text.replace("8025/a/mail", "8025") == web.get(f"/{page}").text
    assert said.headers["Location"] == web.get(f"/{page}").headers["Location"]


def test_redirects_are_relative(below):
    assert below.ask("POST", "/a/mail/messages/1?delete=this").headers["Location"] == "../?undo=1"
    assert below.ask("POST", "/a/mail/?restore=1").headers["Location"] == "./"
    assert below.get("/a/mail/messages").headers["Location"] == "./"


# ---- proxies


class Proxied:
    """A request that a proxy has passed on."""

    def __init__(self, peer, **fields):
        self._peer = peer
        self.requestHeaders = self
        self._fields = {"Host": ["127.0.0.1:8025"]} | {name.replace("_", "-"): value for name, value in fields.items()}

    def getClientAddress(self):
        return self._peer

    def isSecure(self):
        return False

    def getRawHeaders(self, name, default):
        return [each.encode("latin-1") for each in self._fields.get(name.decode(), default)]


PROXY = IPv4Address("TCP", "10.0.0.1", 5000)
FORWARDED = {
    "X_Forwarded_Host": ["mail.example:8443"],
    "X_Forwarded_Proto": ["https"],
    "X_Forwarded_Prefix": ["/tools/"],
    "X_Forwarded_For": ["192.0.2.7"],
}


def found(peer, proxies=("10.0.0.0/8",), path="/mail", **fields):
    made = RequestAddresses(path, proxies).of(Proxied(peer, **fields))
    return made.url, made.client


def test_what_a_trusted_proxy_says():
    assert found(PROXY, **FORWARDED) == ("https://mail.example:8443/tools/mail", "192.0.2.7")
    assert found(PROXY, path="/", **FORWARDED) == ("https://mail.example:8443/tools", "192.0.2.7")
    assert found(PROXY) == ("http://127.0.0.1:8025/mail", "10.0.0.1")


@pytest.mark.parametrize(("peer", "proxies", "client"), [
    (PROXY, (), "10.0.0.1"), (PROXY, ("192.0.2.0/24", "unix"), "10.0.0.1"),
    (IPv6Address("TCP", "2001:db8::1", 1), ("10.0.0.0/8",), "2001:db8::1"), (UNIXAddress("/x"), ("10.0.0.0/8",), ""),
])  # fmt: skip
def test_others_are_not_believed(peer, proxies, client):
    assert found(peer, proxies, **FORWARDED) == ("http://127.0.0.1:8025/mail", client)


@pytest.mark.parametrize(("peer", "proxies"), [
    (IPv6Address("TCP", "::ffff:10.0.0.1", 1), ("10.0.0.0/8",)), (IPv4Address("TCP", "127.0.0.1", 1), ("127.0.0.1",)),
    (UNIXAddress("/x"), ("unix",)), (IPv6Address("TCP", "::1", 1), ("::1", "10.0.0.0/8")),
])  # fmt: skip
def test_proxies(peer, proxies):
    assert found(peer, proxies, **FORWARDED) == ("https://mail.example:8443/tools/mail", "192.0.2.7")


@pytest.mark.parametrize(("fields", "url", "client"), [
    ({"X_Forwarded_Host": ["evil.example, mail.example"]}, "http://mail.example/mail", "10.0.0.1"),
    ({"X_Forwarded_Host": ["evil.example", "mail.example"]}, "http://mail.example/mail", "10.0.0.1"),
    ({"X_Forwarded_Proto": ["javascript"]}, "http://127.0.0.1:8025/mail", "10.0.0.1"),
    ({"X_Forwarded_Prefix": ["//evil.example"]}, "http://127.0.0.1:8025/mail", "10.0.0.1"),
    ({"X_Forwarded_Prefix": ["/'><script>"]}, "http://127.0.0.1:8025/mail", "10.0.0.1"),
    ({"X_Forwarded_For": ["198.51.100.9, 192.0.2.7, 10.0.0.2"]}, "http://127.0.0.1:8025/mail", "192.0.2.7"),
    ({"X_Forwarded_For": ["192.0.2.9", "[2001:db8::7]"]}, "http://127.0.0.1:8025/mail", "2001:db8::7"),
    ({"X_Forwarded_For": ["10.0.0.3"]}, "http://127.0.0.1:8025/mail", "10.0.0.3"),
    ({"Host": ["a", "b"]}, "http:///mail", "10.0.0.1"),
])  # fmt: skip
def test_the_last_value_counts(fields, url, client):
    assert found(PROXY, **fields) == (url, client)


def test_the_host_that_a_proxy_names_is_checked():
    """Its names are those of --web-host, and a page of it may delete."""
    made = Web("mail.example", proxies=["192.168.1.1"])
    made.keep(b"")
    fields = {"X_Forwarded_Host": "mail.example:8443", "Origin": "https://mail.example:8443"}
    assert made.get("/", X_Forwarded_Host="evil.example").status == 403
    assert made.get("/", X_Forwarded_Host="mail.example").status == 200
    assert made.ask("DELETE", "/api/messages/1", **fields | {"Origin": "https://evil.example"}).status == 403
    assert made.ask("DELETE", "/api/messages/1", **fields).status == 204
    made.stop()
    made = Web("mail.example")
    assert made.get("/", X_Forwarded_Host="evil.example").status == 200  # which nobody has asked
    assert made.ask("DELETE", "/api/messages", **fields).status == 403
    made.stop()
