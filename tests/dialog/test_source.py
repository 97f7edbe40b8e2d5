"""Bodies as pieces: `txsmtpx.dialog.source`."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, succeed

from txsmtpx.dialog.source import CHUNK, look, source


def read(body, in_thread) -> list[bytes]:
    made = source(body, {}, in_thread, False)
    chunks = []

    async def all_of_it():
        while chunk := await made.next():
            chunks.append(chunk)

    ended = []
    ensureDeferred(all_of_it()).addBoth(ended.append)
    assert ended == [None], ended
    return chunks


def test_a_file_in_memory_is_read_where_it_is():
    def in_thread(function, *arguments) -> Deferred:
        raise AssertionError("in a thread")

    assert read(io.BytesIO(b"x" * (CHUNK + 1)), in_thread) == [b"x" * CHUNK, b"x"]


def test_a_file_on_a_disk_is_read_in_a_thread(tmp_path):
    asked = []

    def in_thread(function, *arguments) -> Deferred:
        asked.append(arguments)
        return succeed(function(*arguments))

    (tmp_path / "body").write_bytes(b"x" * (CHUNK + 1))
    with (tmp_path / "body").open("rb") as file:
        assert read(file, in_thread) == [b"x" * CHUNK, b"x"]
    assert asked == [(CHUNK,)] * 3


def test_a_file_that_is_open_for_text():
    with pytest.raises(TypeError, match=r"^the file is open for text, a body is octets$"):
        read(io.StringIO("x"), lambda function, *arguments: succeed(function(*arguments)))


def test_a_file_of_text_that_does_not_say_so():
    file = SimpleNamespace(read=lambda size: "x")
    with pytest.raises(AssertionError, match="TypeError: the file is open for text, a body is octets>"):
        read(file, lambda function, *arguments: succeed(function(*arguments)))


class Producer:
    """An IBodyProducer that writes once, and is over at once or when it is stopped."""

    length = 1

    def __init__(self, at_once: bool) -> None:
        self.at_once = at_once
        self.calls: list[str] = []

    def startProducing(self, consumer) -> Deferred[None]:
        self.calls.append("start")
        consumer.write(b"x")
        return succeed(None) if self.at_once else Deferred()

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_a_producer_that_is_over_before_it_is_waited_for():
    assert read(Producer(at_once=True), None) == [b"x"]


def test_a_producer_is_stopped_once_and_only_if_it_was_started():
    for taken, calls in ((0, []), (1, ["start", "pause", "stop"])):
        producer = Producer(at_once=False)
        body = source(producer, {}, None, False)
        for _ in range(taken):
            ensureDeferred(body.next())
        for _ in range(2):
            ensureDeferred(body.close())
        assert producer.calls == calls


@pytest.mark.parametrize("binary", [False, True])
def test_a_file_is_looked_at_as_it_will_be_sent(tmp_path, binary):
    (tmp_path / "body").write_bytes(b"a\nb\n")
    with (tmp_path / "body").open("rb") as file:
        found = []
        looking = look(file, binary, lambda function, *arguments: succeed(function(*arguments)))
        ensureDeferred(looking).addCallback(found.append)
        assert file.tell() == 0
    assert [content.size for content in found] == [4 if binary else 6]
