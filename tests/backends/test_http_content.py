"""The content of a request in each format: what is read before it, and where a message is parsed."""

from __future__ import annotations

import json
import threading

import pytest
from twisted.internet import reactor
from twisted.internet.task import Clock

from tests.backends.test_http_formats import ENVELOPE
from txsmtpx.backends.held_message import HeldMessage
from txsmtpx.backends.http_body import Octets, Stream
from txsmtpx.backends.http_content import HTTPContent, header_name, raw_headers


class Coming:
    """A message in chunks of 1,000 octets, of which is known how many were read."""

    def __init__(self, size):
        self.left = size

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1000
        return b"x" * 1000


@pytest.mark.parametrize(
    ("format", "hold", "size", "kind", "left"),
    [
        ("raw", False, 5000, Octets, 0),
        ("raw", False, 100_000, Stream, 34_000),
        ("raw", True, 100_000, HeldMessage, 0),
        ("json", False, 5000, Octets, 0),
        ("json", False, 100_000, HeldMessage, 0),
    ],
)
async def test_what_is_read_before_the_request(format, hold, size, kind, left):
    for own, of_message in ((hold, False), (False, hold)):
        message = Coming(size)
        found = await HTTPContent(format, "own", own, "", 10).receive(message, of_message)
        assert type(found) is kind
        assert message.left == left
        found.close()


@pytest.mark.parametrize(
    ("format", "names", "kind"),
    [
        ("json", "own", "application/json"),
        ("form", "own", "multipart/form-data"),
        ("form", "mailgun", "multipart/form-data"),
        ("form", "sendgrid", "multipart/form-data"),
    ],
)
async def test_formats(format, names, kind):
    made = HTTPContent(format, names, False, "key", 10)
    headers, content = await made.written(Octets(b"Subject: x\r\n\r\nhello\r\n"), ENVELOPE, Clock())
    ((name, value),) = headers
    assert (name, value.partition(";")[0]) == ("Content-Type", kind)
    field = {"own": b"queue_id", "mailgun": b"body-plain", "sendgrid": b"sender_ip"}[names]
    assert field in content.octets
    assert (b'name="signature"' in content.octets) is (names == "mailgun")


async def test_a_long_message_is_parsed_in_a_thread(monkeypatch):
    threads = []

    class Noting(HTTPContent):
        def _written(self, content, envelope):
            threads.append(threading.get_ident())
            return super()._written(content, envelope)

    made = Noting("json", "own", False, "", 10)
    for size in (5000, 100_000):
        received = await made.receive(Coming(size), False)
        _, content = await made.written(received, ENVELOPE, reactor)
        assert sum(len(each) for each in json.loads(content.octets)["headers"]) == 0
        received.close()
    assert threads[0] == threading.get_ident()
    assert threads[1] != threads[0]


async def test_slow_clients_do_not_occupy_all_requests():
    made = HTTPContent("raw", "own", False, "", 2)
    found = [await made.receive(Coming(100_000), False) for _ in range(3)]
    assert [type(each) for each in found] == [Stream, Stream, HeldMessage]
    assert found[2].content() == b"x" * 100_000
    found[0].close()
    found.append(await made.receive(Coming(100_000), False))
    assert type(found[3]) is Stream
    for each in found[1:]:
        each.close()
    assert made.streaming == 0


def test_headers_of_a_raw_request():
    headers = raw_headers(ENVELOPE)
    assert headers[0] == ("Content-Type", "message/rfc822")
    assert ("Smtp-Peer-Host", "192.0.2.1") in headers
    assert [header_name(name) for name in ("tls_version", "body")] == ["Smtp-Tls-Version", "Smtp-Body"]
