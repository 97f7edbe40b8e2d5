"""Clients that do not read, that send no request, and crowds: what is held for them, and for how long."""

from __future__ import annotations

import pytest
from twisted.internet.task import Cooperator

from tests.content.hostile import mixed
from tests.inbox.slow_client import BUFFER, Slow
from txsmtpx.inbox.listed_message import ListedMessage
from txsmtpx.wire.http_channel import IDLE, LOOK, UNREAD

PLACES = {
    "the source": "/api/messages/1/source",
    "a part": "/api/messages/1/parts/1",
    "a message in JSON": "/api/messages/1",
    "the list in JSON": "/api/messages?limit=1000",
    "the list": "/?limit=1000",
    "the text": "/messages/1/text",
    "the page of the source": "/messages/1/source",
    "the frame": "/messages/2/frame",
    "header fields": "/messages/3/headers",
}


@pytest.fixture
def full(web):
    """An inbox in which each page is long."""
    text = b"see http://example.org/ < & > \xf0\x9f\x98\x80\r\n" * 20_000
    web.keep(b"Subject: x\r\n\r\n" + text)
    web.keep(b"Content-Type: text/html\r\n\r\n" + text)
    web.keep(b"X: <\r\n" * 900 + b"X: " + b"<" * 200_000 + b"\r\n\r\n")
    for n in range(300):
        web.keep(b"Subject: " + b"%d<" % n * 300 + b"\r\n\r\n", *(f"{r}@example.net" for r in range(20)))
    return web


@pytest.mark.parametrize("path", PLACES.values(), ids=PLACES)
def test_an_answer_waits_for_its_client(full, path):
    """However long the answer is, about 64 KiB of it wait; when they are read, the next ones come, and so all of it."""
    whole = full.get(path)
    assert whole.status == 200
    assert len(whole.body) > 2 * BUFFER
    client = Slow(full, path, headers={"Connection": "close"})
    pieces = []
    while client.transport.value():
        pieces.append(client.read())
    assert max(map(len, pieces)) < (7 if path.endswith("headers") else 2) * BUFFER
    client.transport.producer = None
    client.transport.write(b"".join(pieces))
    assert client.answer.body == whole.body


@pytest.mark.parametrize("path", PLACES.values(), ids=PLACES)
def test_a_client_that_does_not_read_is_disconnected(full, path):
    client = Slow(full, path)
    full.clock.advance(UNREAD)
    assert not client.transport.aborted
    full.clock.advance(LOOK)
    assert client.transport.aborted
    client.lose()


def test_a_client_that_reads_slowly_stays(web):
    web.keep(b"x" * 20 * BUFFER)
    client = Slow(web, "/api/messages/1/source")
    octets = b""
    for _ in range(18):
        web.clock.advance(UNREAD - LOOK)
        octets += client.read()
    assert not client.transport.aborted
    assert len(octets) > 15 * BUFFER


def test_a_client_that_does_not_read_events_is_disconnected(web):
    client = Slow(web, "/api/events")
    for _ in range(200):
        web.keep(b"Subject: " + b"x" * 900 + b"\r\n\r\n")
    assert len(client.transport.value()) < 2 * BUFFER
    web.clock.advance(UNREAD)
    assert not client.transport.aborted
    web.clock.advance(LOOK)
    assert client.transport.aborted
    client.lose()


def test_a_client_that_reads_events_stays(web):
    client = Slow(web, "/api/events")
    for _ in range(20):
        web.clock.advance(IDLE)
        client.read()
    assert not client.transport.aborted


def test_a_client_that_waits_for_a_message_stays(web):
    client = Slow(web, "/api/messages?wait=300")
    for _ in range(59):
        web.clock.advance(5)
    assert not client.transport.aborted
    web.keep(b"")
    web.clock.work()
    assert b'"total": 1' in client.read()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n",
                                  b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"])  # fmt: skip
def test_a_request_that_does_not_come_in(web, sent):
    """Also one of which an octet comes now and then."""
    client = Slow(web, "/", times=0)
    client.protocol.dataReceived(sent)
    for _ in range(IDLE // 5):
        assert not client.transport.aborted
        web.clock.advance(5)
        client.protocol.dataReceived(b"x")
    web.clock.advance(LOOK)
    assert client.transport.aborted


def test_a_connection_that_is_kept(web):
    client = Slow(web, "/api")
    web.clock.advance(IDLE - 1)
    client.protocol.dataReceived(b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
    web.clock.work()
    assert client.read().count(b"200 OK") == 2
    web.clock.advance(IDLE)
    assert not client.transport.aborted
    web.clock.advance(LOOK)
    assert client.transport.aborted


def test_an_answer_that_is_the_last_and_is_not_read(web):
    """Twisted waits for ever until it is."""
    client = Slow(web, "/api/messages", headers={"Connection": "close"})
    assert client.transport.disconnecting
    web.clock.advance(IDLE + LOOK)
    assert client.transport.aborted


def test_requests_without_end_are_answered_as_they_are_read(web):
    """Those that come in one segment, too (pipelining)."""
    client = Slow(web, "/static/inbox.js", times=300)
    assert len(client.transport.value()) < 2 * BUFFER
    assert client.read_all().count(b"200 OK") == 300


def test_requests_without_end_leave_turns_to_others(web):
    """Each waits for its turn, on one connection and on many."""
    turns = []

    def later(turn):
        turns.append(turn)
        return web.clock.callLater(0, turn)

    web.site.cooperator = Cooperator(lambda: lambda: True, later)
    clients = [Slow(web, "/api", times=0) for _ in range(20)]
    for client in clients:
        client.protocol.dataReceived(b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
    assert [client.transport.value() for client in clients] == [b""] * 20
    web.clock.work()
    assert len(turns) > 2000  # between two of which the reactor looks at all others
    assert [client.read_all().count(b"200 OK") for client in clients] == [100] * 20


def test_the_number_of_event_streams_is_limited(web, monkeypatch):
    monkeypatch.setattr(web.site._events, "_most", 2)
    assert web.ask("HEAD", "/api/events").status == 200
    first, _ = [Slow(web, "/api/events") for _ in range(2)]
    said = web.get("/api/events")
    assert (said.status, said.headers["Retry-After"]) == (503, "1")
    assert said.json["error"]
    first.lose()
    assert b"200 OK" in Slow(web, "/api/events").read()


def test_an_event_has_an_end(web):
    """One of a message to very many recipients is told as one that was missed."""
    client = Slow(web, "/api/events")
    client.read()
    web.keep(b"", *(f"{'x' * 100}{n}@example.net" for n in range(1000)))
    assert b"event: missed\ndata: {}\n\n" in client.read()
    web.keep(b"")
    assert b"event: arrived" in client.read()


def test_signs_of_life_are_not_missed(web):
    client = Slow(web, "/api/events")
    client.read()
    client.transport.producer.pauseProducing()
    web.clock.advance(20)
    client.transport.producer.resumeProducing()
    assert client.read() == b""


def test_what_answers_hold_has_a_bound(web, monkeypatch):
    """What was made for an answer, such as a part, is held until it is read: the slowest goes for the next."""
    monkeypatch.setattr(web.site.connections, "_max_held", 41 * BUFFER)
    web.keep(mixed(b"\r\n" + b"x" * (20 * BUFFER)))
    clients = []
    for _ in range(5):
        clients.append(Slow(web, "/api/messages/1/parts/1"))
        web.clock.advance(1)
        assert [each.transport.aborted for each in clients] == [True, True, True, False, False][-len(clients) :]
    assert clients[4].read_all().endswith(b"x" * 1000)
    clients.append(Slow(web, "/api/messages/1/parts/1"))
    assert not clients[3].transport.aborted  # since the answer before it is over
    said = Slow(web, "/api/messages/1/parts/1", headers={"Connection": "close"})
    assert clients[3].transport.aborted  # and this one has its place
    assert said.read().startswith(b"HTTP/1.1 200")
    assert web.get("/api/messages/1/parts/1").status == 503  # those that are left have just read


def test_a_single_answer_may_be_of_any_size(web, monkeypatch):
    monkeypatch.setattr(web.site.connections, "_max_held", 10)
    web.keep(mixed(b"\r\n" + b"x" * BUFFER))
    assert web.get("/api/messages/1/parts/1").body == b"x" * BUFFER


def test_a_deleted_message_is_not_kept_for_a_slow_client(web):
    """A message that is deleted meanwhile ends its download, visibly: it is shorter than was said."""
    web.keep(b"x" * 100 * BUFFER)
    client = Slow(web, "/api/messages/1/source")
    assert b"Content-Length: 6553600" in client.read()
    web.backend.clear()
    client.read()
    assert client.transport.aborted
    assert web.get("/api").status == 200


@pytest.mark.parametrize("path", ["/api/messages?limit=1000", "/?limit=1000"])
def test_a_list_from_which_messages_are_deleted(full, path):
    """While it is read: those that are gone are left out."""
    client = Slow(full, path)
    octets = client.read()
    full.backend.clear()
    octets += client.read_all()
    assert octets.startswith(b"HTTP/1.1 200 OK")
    assert octets.endswith(b"\r\n0\r\n\r\n")
    assert b"</html>" in octets or b"\n  ]\n}\r\n" in octets


def test_a_client_that_disconnects(web):
    """Nothing goes on for it."""
    web.keep(b"x" * 100 * BUFFER)
    for path in ("/api/messages/1/source", "/messages/1", "/api/messages?search=x&wait=9"):
        client = Slow(web, path)
        client.lose()
    web.clock.work()
    assert web.site.cooperator._tasks == []


def test_the_end_in_the_middle_of_answers(web):
    """All of them end, and nothing is logged as a failure; Twisted's Cooperator ends every second one when it stops."""
    web.keep(b"x" * 100 * BUFFER)
    paths = ("/api/messages?search=x&wait=9", "/api/messages?search=y", "/api/messages/1/source", "/api/events", "/")
    lines = [web.line("GET", path, work=False) for path in paths * 4]
    web.clock.advance(0.001)
    lines += [web.line("GET", path, work=False) for path in paths * 4]
    web.site.stopFactory()
    assert all(line.transport.disconnecting for line in lines)
    web.clock.work()
    assert web.site.cooperator._tasks == []
    web.site.startFactory()


def test_a_failure_in_the_middle_is_no_end(web, monkeypatch, logged_failures):
    """What has been written cannot be taken back: the connection is aborted."""
    monkeypatch.setattr(ListedMessage, "as_json", lambda listed: 1 / 0)
    web.keep(b"")
    assert web.get("/api/messages").status == 500
    assert "log" in web.get("/api/messages").json["error"]
    monkeypatch.undo()
    for _ in range(300):
        web.keep(b"Subject: " + b"x" * 900 + b"\r\n\r\n")
    client = Slow(web, "/api/messages?limit=1000")
    client.read()
    monkeypatch.setattr(ListedMessage, "as_json", lambda listed: 1 / 0)
    client.read()
    assert client.transport.aborted
    assert len(logged_failures.flush(ZeroDivisionError)) == 3
