"""What happens is told as it happens, to everybody who listens, and costs no memory where nobody reads."""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure


def listen(web):
    line = web.line("GET", "/api/events", Connection="keep-alive")
    head = line.transport.value()
    assert b"Content-Type: text/event-stream" in head
    line.transport.clear()
    return line


def raw(line):
    value = line.transport.value()
    line.transport.clear()
    return value


def test_messages_come_and_go(web):
    one, other = listen(web), listen(web)
    web.keep(b"Subject: Hello\r\n\r\n")
    for line in (one, other):
        said = raw(line).decode()
        assert "event: arrived\ndata: " in said
        data = json.loads(said.partition("data: ")[2].partition("\n")[0])
        assert (data["id"], data["subject"], data["read"]) == (1, "Hello", False)
    web.backend.delete(1)
    assert 'event: deleted\ndata: {"id": 1}\n\n' in raw(one).decode()


def test_signs_of_life(web):
    line = listen(web)
    web.clock.advance(19)
    assert raw(line) == b""
    web.clock.advance(1)
    assert b":\n\n" in raw(line)


def test_who_does_not_read_is_told_that_he_missed_something(web):
    line = listen(web)
    line.transport.producer.pauseProducing()
    for _ in range(1000):
        web.keep(b"Subject: Hello\r\n\r\n")
    assert raw(line) == b""
    line.transport.producer.resumeProducing()
    assert b"event: missed\ndata: {}\n\n" in raw(line)
    web.keep(b"Subject: again\r\n\r\n")
    assert b"again" in raw(line)


def test_who_reads_again_and_missed_nothing_is_told_nothing(web):
    line = listen(web)
    line.transport.producer.pauseProducing()
    line.transport.producer.resumeProducing()
    assert raw(line) == b""


def test_who_has_gone_is_forgotten(web):
    line = listen(web)
    line.protocol.connectionLost(Failure(ConnectionDone()))
    web.keep(b"")
    assert raw(line) == b""


def test_the_end(web):
    line = listen(web)
    web.site.stopFactory()
    assert raw(line).endswith(b"0\r\n\r\n")
    web.site.startFactory()
